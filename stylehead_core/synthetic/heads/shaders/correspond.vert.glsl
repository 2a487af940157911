// Draws one frame of a head, and says of each point where it is in another frame.
in vec3 position;
in vec3 other_position;
in float height;   // of the neutral head
uniform mat3 other_rotation;
uniform vec3 other_shift;
#include "place.glsl"

out vec4 other;   // how far it is in the other picture from where it is here (x, y of -1..1, y up), depth there in cm, 1

vec2 seen(vec3 p) { return crop_matrix * (p.xy / (camera_distance - p.z) - crop_centre); }

void main() {
    float follow = follows(height);
    vec3 here = place(position, follow), there = place(other_position, follow, other_rotation, other_shift);
    gl_Position = project(here);
    other = vec4(seen(there) - seen(here), camera_distance - there.z, 1.);
}
