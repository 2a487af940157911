// Draws one frame of a head, and says of each point where it is in another frame.
in vec3 position;
in vec3 other_position;
in float height;   // of the neutral head
uniform mat3 other_rotation;
uniform vec3 other_shift;
#include "place.glsl"

out vec4 other;   // x, y in the other picture (-1..1, y up), depth there in cm, 1

void main() {
    float follow = follows(height);
    gl_Position = project(place(position, follow));
    vec3 there = place(other_position, follow, other_rotation, other_shift);
    float depth = camera_distance - there.z;
    other = vec4(crop_matrix * (there.xy / depth - crop_centre), depth, 1.);
}
