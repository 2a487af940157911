// Skin, eyes, teeth, lashes: everything that is a mesh.
in vec3 position;
in vec3 normal;
in vec2 uv;
in vec3 neutral;   // the same point of the mean head: where patterns are painted
in vec2 occlusion_material;
#include "place.glsl"

out vec3 placed;
out vec3 turned;
out vec2 texture_uv;
out vec3 painted;
out float openness;
flat out int material;

void main() {
    float follow = follows(neutral.y);
    placed = place(position, follow);
    turned = mix(normal, rotation * normal, follow);
    texture_uv = uv;
    painted = neutral;
    openness = occlusion_material.x;
    material = int(occlusion_material.y + .5);
    gl_Position = project(placed);
}
