// Thin see-through meshes: lashes, and the shadow that the lids throw on the eyes.
#include "mesh.glsl"
uniform float lash_strength, lid_shadow;
uniform vec3 lash_color;

const int LASHES = 11;

void main() {
    if (material == LASHES) {
        float strand = smoothstep(.42, .10, abs(fract(texture_uv.x * 46. + texture_uv.y * 3.) - .5));
        float lower = smoothstep(3.45, 3.2, painted.y);
        color = vec4(lash_color, lash_strength * strand * mix(.75, .10, lower));
    } else {
        float bottom = smoothstep(4.05, 3.55, painted.y);
        color = vec4(.09, .035, .03, lid_shadow * (1. - .75 * bottom));
    }
}
