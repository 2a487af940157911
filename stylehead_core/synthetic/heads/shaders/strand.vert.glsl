// Hair, brows and beards: line strips.
in vec3 position;
in vec3 tangent;
in vec3 strand;   // way along the strand 0..1, layer in the fraction and a random number 0..63 above it, opacity
#include "place.glsl"

out vec3 placed;
out vec3 along;
out vec3 strand_of;

void main() {
    float follow = follows(position.y);
    placed = place(position, follow);
    along = mix(tangent, rotation * tangent, follow);
    strand_of = strand;
    gl_Position = project(placed);
}
