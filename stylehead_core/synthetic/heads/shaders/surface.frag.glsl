// What a point of the mesh is made of (materials.glsl, skin.glsl), then how light falls on it.
#include "mesh.glsl"

#include "light.glsl"
#include "materials.glsl"
#include "skin.glsl"

// The normal, tilted by a height painted on the surface (Mikkelsen 2010).
vec3 bumped(vec3 normal, float height) {
    vec3 dx = dFdx(placed), dy = dFdy(placed);
    vec3 across = cross(dy, normal), along = cross(normal, dx);
    float area = dot(dx, across);
    vec3 tilted = normalize(abs(area) * normal - sign(area) * (dFdx(height) * across + dFdy(height) * along));
    return dot(tilted, tilted) > .5 ? tilted : normal;
}

void main() {
    vec3 view = normalize(vec3(0, 0, camera_distance) - placed), normal = normalize(turned);
    if (dot(normal, view) < 0. && material > BACK && material != 7 && (material < SOCKET || material == TONGUE))
        normal = -normal;

    Surface s = material <= BACK ? skin_surface() : other_surface();
    normal = bumped(normal, s.height);
    float lit = shadow_at(placed);
    // The lips' shadow is coarse; how open a place lies says the rest.
    if (material == GUMS || material == SOCKET || material == TONGUE) lit = mix(1., lit, .6) * s.openness;
    else if (material == TEETH) lit = mix(1., lit, .6) * mix(.2, 1., s.openness);

    // Light bleeds through skin: red wraps further round, and shadows have red edges.
    vec3 wrap = s.bleeding * vec3(.42, .20, .12);
    float facing = dot(normal, key_direction);
    vec3 soft = clamp((vec3(facing) + wrap) / (1. + wrap), 0., 1.);
    vec3 diffuse = mix(soft, soft * soft * (1. - .35 * s.bleeding) + soft * .35 * s.bleeding, .35);
    vec3 shade = pow(vec3(lit), vec3(.72, 1., 1.08));
    vec3 opening = pow(vec3(clamp(s.openness, .02, 1.)), mix(vec3(1), vec3(.72, 1., 1.1), s.bleeding));
    vec3 around = mix(ground_color, sky_color, normal.y * .5 + .5) * (.75 + .25 * max(dot(normal, view), 0.));
    vec3 sum = s.albedo * (key_color * diffuse * shade * mix(vec3(1), opening, .55) + around * opening
                           + rim_color * clamp(dot(normal, rim_direction) + .15, 0., 1.) * opening * .8);
    sum += s.albedo * vec3(.55, .12, .07) * s.thin * max(0., -dot(key_direction, view) * .5 + .5) * .25 * key_color;

    vec3 halfway = normalize(key_direction + view);
    float fresnel = s.specular + (1. - s.specular) * pow(1. - max(dot(halfway, view), 0.), 5.);
    float gloss = facets(normal, halfway, s.roughness) * .55 + facets(normal, halfway, s.roughness * .62) * .22;
    sum += key_color * lit * max(facing, 0.) * fresnel * gloss * mix(1., s.openness, .7);
    vec3 rim_halfway = normalize(rim_direction + view);
    sum += rim_color * max(dot(normal, rim_direction), 0.) * facets(normal, rim_halfway, s.roughness) * s.specular * .8
           * s.openness;
    float grazing = pow(1. - max(dot(normal, view), 0.), 4.);
    sum += (sky_color * .5 + ground_color * .2) * grazing * s.specular * 3.5 * s.openness;
    if (material == SCLERA_LEFT || material == SCLERA_RIGHT) sum += eye_glints(normal, view, lit);
    color = vec4(film(sum), 1.);
}
