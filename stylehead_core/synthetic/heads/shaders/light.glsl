// Lamps, shadows and the film that they fall on.
uniform sampler2D shadow_map;
uniform mat4 light_matrix;
uniform vec3 light_centre;
uniform float camera_distance;
uniform vec3 key_direction, key_color, rim_direction, rim_color, sky_color, ground_color;
uniform float exposure, shadow_strength;

const float PI = 3.14159265;

// How much of the key light arrives: five soft taps of the shadow map.
float shadow_at(vec3 placed) {
    vec3 q = (light_matrix * vec4(placed - light_centre, 1.)).xyz * .5 + .5;
    if (q.x < .01 || q.x > .99 || q.y < .01 || q.y > .99) return 1.;
    float lit = 0.;
    for (int i = 0; i < 5; i++) {
        vec2 tap = vec2(float(i == 1) - float(i == 2) + .4 * float(i > 2), float(i == 3) - float(i == 4)) * (3.2 / 512.);
        lit += clamp((texture(shadow_map, q.xy + tap).r - q.z + .010) * 110., 0., 1.);
    }
    return mix(1., lit * .2, shadow_strength);
}

// Exposure, a film-like shoulder, then display values.
vec3 film(vec3 color) {
    color *= exposure;
    color = color * (1. + color * .12) / (1. + color * .75) * 1.35;
    vec3 rolled = .62 + .38 * (1. - exp(-max(color - .62, 0.) / .38));  // highlights never burn out
    color = mix(color, rolled, step(.62, color));
    return pow(clamp(color, 0., 1.), vec3(1. / 2.2));
}

// GGX distribution of microfacets (Walter et al. 2007).
float facets(vec3 normal, vec3 halfway, float roughness) {
    float a = roughness * roughness, d = max(dot(normal, halfway), 0.), k = d * d * (a * a - 1.) + 1.;
    return a * a / (PI * k * k);
}
