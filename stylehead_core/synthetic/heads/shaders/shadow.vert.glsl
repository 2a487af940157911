// The head as the lamp sees it: only depth is kept.
in vec3 position;
uniform mat4 light_matrix;
uniform vec3 light_centre;
#include "place.glsl"

void main() { gl_Position = light_matrix * vec4(place(position, follows(position.y)) - light_centre, 1.); }
