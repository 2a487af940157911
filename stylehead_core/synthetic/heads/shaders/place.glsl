// Turns a point about the neck and puts it before the camera: the same as place() and Crop of geometry.py.
uniform vec2 crop_centre;
uniform mat2 crop_matrix;
uniform float camera_distance;
uniform mat3 rotation;
uniform vec3 shift;

const vec3 PIVOT = vec3(0., -4.5, -1.);
const float SHOULDERS = -15., JAW = -6.;
const float DEPTH = 30.;  // cm before and behind the origin that are drawn

float follows(float height) { return smoothstep(SHOULDERS, JAW, height); }

vec3 place(vec3 p, float follow, mat3 turn, vec3 move) { return mix(p, PIVOT + turn * (p - PIVOT), follow) + move; }

vec3 place(vec3 p, float follow) { return place(p, follow, rotation, shift); }

vec4 project(vec3 p) {
    float depth = camera_distance - p.z;
    vec2 framed = crop_matrix * (p.xy / depth - crop_centre);
    return vec4(framed * depth, (depth - camera_distance) / DEPTH * depth, depth);
}
