// Light on a hair: two highlights along the strand (Kajiya and Kay 1989), darker towards the root and the scalp.
in vec3 placed;
in vec3 along;
in vec3 strand_of;
out vec4 color;

#include "light.glsl"
uniform vec3 root_color, tip_color;
uniform float depth_shading, shine, opacity;

float across(float cosine) { return sqrt(max(0., 1. - cosine * cosine)); }

void main() {
    vec3 view = normalize(vec3(0, 0, camera_distance) - placed), t = normalize(along);
    float random = floor(strand_of.y) / 64., layer = fract(strand_of.y), way = strand_of.x;
    vec3 base = mix(root_color, tip_color, smoothstep(.35, 1., way) * .8) * (.70 + .6 * random);
    float to_light = dot(t, key_direction), to_view = dot(t, view), shifted = to_light + .12;
    float first = pow(max(0., to_light * to_view + across(to_light) * across(to_view)), 42.);
    float second = pow(max(0., shifted * to_view + across(shifted) * across(to_view)), 12.);
    vec3 outward = normalize(placed - vec3(0, 3., 0.));
    float facing = clamp(dot(outward, key_direction) * .6 + .5, 0., 1.), lit = shadow_at(placed);
    float behind = clamp(dot(outward, rim_direction), 0., 1.);
    float open = mix(1., .35 + .65 * layer, depth_shading) * mix(1., .55 + .45 * smoothstep(0., .3, way), depth_shading);
    vec3 around = mix(ground_color, sky_color, .55 + .3 * (placed.y - 3.) / 12.) * .9;
    vec3 sum = base * (key_color * across(to_light) * (.25 + .55 * facing) * lit + around + rim_color * behind * .9);
    sum += shine * (key_color * lit * facing * (first * .16 + second * base * 1.1)
                    + rim_color * .10 * pow(max(0., across(dot(t, rim_direction))), 20.) * behind);
    color = vec4(film(sum * open), clamp(opacity * strand_of.z, 0., 1.));
}
