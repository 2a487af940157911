// Skin with its complexion, age, makeup and beard shadow, and the clothes below it.
uniform sampler2D face_map;   // lips, brows, beard, eyelids
uniform sampler2D detail_map; // liner, blush, wrinkles, scalp
uniform float age, freckles, blush, lip_strength, lip_gloss, lid_strength, liner_strength, brow_strength, stubble;
uniform float scalp_strength, neckline;
uniform vec3 lip_color, lid_color, brow_color, beard_color, hair_color, cloth_color, cloth_color_2;
uniform vec3 cloth_pattern;   // kind (0 plain, 1 stripes, 2 checks, 3 knit), stripes per cm, how strong
uniform vec2 collar;          // how deep a V, how wide a contrasting band (cm)

float cloth_depth() {
    float v = collar.x * max(0., 2.2 - abs(painted.x)) * step(0., painted.z);
    return -painted.y + neckline - .22 * painted.z + .02 * painted.x * painted.x - v;
}

Surface cloth_surface(float depth, float coarse) {
    float weave = .5 + .5 * sin(painted.x * 22. + painted.y * 3.) * sin(painted.y * 24. + painted.z * 9.);
    float stripe = smoothstep(-.15, .15, sin(painted.y * cloth_pattern.y * 6.2832));
    float across = smoothstep(-.15, .15, sin(painted.x * cloth_pattern.y * 6.2832));
    float marked = cloth_pattern.x < .5 ? 0. : cloth_pattern.x < 1.5 ? stripe : cloth_pattern.x < 2.5 ? .5 * (stripe + across) : weave;
    if (depth < collar.y) marked = 1.;
    vec3 base = mix(cloth_color, cloth_color_2, marked * (depth < collar.y ? 1. : cloth_pattern.z));
    vec3 albedo = base * (.86 + .2 * weave + .18 * coarse);
    float folds = .08 * texture(noise_map, painted.xy * .05).r;
    return Surface(albedo, openness, .01, .8, 0., 0., .02 * weave + folds);
}

Surface skin_surface() {
    float broad = texture(noise_map, painted.xy * .045 + noise_offset).r;
    float coarse = texture(noise_map, painted.xy * .16 + painted.zz * .1 + noise_offset.yx).g;
    float fine = texture(noise_map, painted.xy * .55 + painted.yz * .3).b;
    float pores = texture(noise_map, painted.xy * 1.3 + painted.zz * .7).b;
    float depth = cloth_depth();
    if (depth > 0.) return cloth_surface(depth, coarse);

    bool front = material == FACE;
    vec4 face = front ? texture(face_map, texture_uv) : vec4(0);
    vec4 detail = front ? texture(detail_map, texture_uv) : vec4(0);
    float lips = face.r, brows = face.g, beard = face.b, lids = face.a;
    float liner = detail.r, cheeks = detail.g, wrinkles = detail.b;
    float scalp = front ? detail.a : painted.y > 5. ? 1. : painted.z < -3. ? smoothstep(-3.5, -1.5, painted.y) : 0.;
    float old = age * (.35 + 1.05 * age), spotted = (front ? 1. : 0.) * (1. - lips);

    vec3 a = skin_color;
    a *= mix(vec3(1), vec3(1.06, .93, .90), (broad - .5) * 1.6) * (.93 + .14 * coarse);
    a = mix(a, a * vec3(1.12, .78, .76), blush * cheeks);
    float freckled = smoothstep(.60, .72, fine) * smoothstep(.35, .7, broad + .25 * cheeks);
    a *= mix(vec3(1), vec3(.80, .66, .55), freckles * freckled * spotted);
    a = mix(a, a * vec3(.86, .74, .72), .55 * lids * (1. - lid_strength));
    a = mix(a, a * vec3(.80, .70, .68), min(old * wrinkles, 1.2));
    a = mix(a, a * vec3(.92, .88, .80) * (.80 + .4 * fine), min(old, 1.) * .75 * smoothstep(.35, .75, coarse));
    float age_spots = smoothstep(.66, .76, fine) * smoothstep(.45, .62, broad) * spotted;
    a = mix(a, a * vec3(.66, .54, .44), min(old, 1.1) * .6 * age_spots);
    a = mix(a, lip_color * (.86 + .28 * fine), lips * lip_strength);
    a = mix(a, mix(a, brow_color, .75), brows * brow_strength * (.75 + .5 * fine));
    a = mix(a, mix(a, beard_color, .62), beard * stubble * (.65 + .7 * fine));
    a = mix(a, lid_color, min(lids * 1.7, 1.) * lid_strength * .9);
    a = mix(a, vec3(.03, .022, .02), min(liner * liner_strength * (1. + .6 * liner_strength), 1.));
    a = mix(a, hair_color * .55 + a * .12, scalp * scalp_strength);

    float relief = -.21 * old * wrinkles + .05 * old * (coarse - .5) + .016 * (fine - .5) + .014 * (coarse - .5)
                   + .012 * (pores - .5) + lips * .02 * (fine - .5);
    float rough = mix(mix(.56, .30, lips * lip_strength * lip_gloss), .38, cheeks * .5);
    rough += .10 * age + .12 * (fine - .5);
    float thin = front ? smoothstep(7.3, 8.6, abs(painted.x)) : 0.;
    return Surface(a, mix(openness, max(openness, .55), lips), mix(.025, .05, lips * lip_gloss), rough, 1., thin, relief);
}
