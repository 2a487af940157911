// The parts of a head that are no skin: eyes, teeth, gums, the insides of mouth and eye sockets.
const int FACE = 0, BACK = 1, GUMS = 2, TEETH = 3, SCLERA_LEFT = 4, SCLERA_RIGHT = 6, SOCKET = 12, EYE_SOCKET = 13, FRAMES = 14,
          TONGUE = 15;

struct Surface {
    vec3 albedo;
    float openness;   // 1 in the open, 0 deep in a hole
    float specular, roughness;
    float bleeding;   // how much light wanders below the surface
    float thin;       // light comes through from behind: ears
    float height;     // cm of relief
};

uniform sampler2D noise_map;
uniform vec2 noise_offset;
uniform vec3 skin_color, frame_color, iris_color, iris_color_inside;
uniform float iris_radius, pupil_radius, teeth_white;
uniform float mouth_gap;   // cm between the inner lips: the only way in for light
uniform float tongue_out;  // 0 low and back .. 1 between the teeth

Surface eye_surface() {
    vec2 c = (texture_uv - .5) * 2.;
    float r = length(c), t = atan(c.y, c.x), q = r / iris_radius;
    float fibres = texture(noise_map, vec2(t * 1.9, r * .55 + noise_offset.x)).g * .6
                   + texture(noise_map, vec2(t * 5.1, r * .3 + noise_offset.y)).b * .5;
    vec3 white = mix(vec3(.80, .775, .75), vec3(.72, .52, .47),
                     smoothstep(iris_radius * 1.5, iris_radius * 3.2, r) * .55);
    float vessels = smoothstep(.62, .78, texture(noise_map, c * 1.7 + noise_offset).b);
    white = mix(white, vec3(.70, .30, .26), vessels * smoothstep(iris_radius * 1.4, iris_radius * 2.6, r) * .25);
    vec3 iris = mix(iris_color_inside, iris_color, smoothstep(.35, .8, q)) * (.55 + .85 * fibres);
    iris *= 1. - .62 * smoothstep(.80, 1., q);
    iris *= .8 + .5 * max(0., dot(normalize(c + 1e-4), normalize(-key_direction.xy + vec2(0, -.4)))) * q;
    iris = mix(vec3(.012), iris, smoothstep(pupil_radius * .92, pupil_radius * 1.12, q));
    return Surface(mix(iris, white, smoothstep(.94, 1.10, q)), .88, .045, .12, .55, 0., 0.);
}

Surface other_surface() {
    float coarse = texture(noise_map, painted.xy * .16 + painted.zz * .1 + noise_offset.yx).g;
    float fine = texture(noise_map, painted.xy * .55 + painted.yz * .3).b;
    float way_in = .45 + .55 * smoothstep(.15, 1.7, mouth_gap);
    if (material == SOCKET)
        return Surface(vec3(.20, .04, .036), way_in * pow(smoothstep(7.5, 12.0, painted.z), 3.) * .30 + .008, .04, .25, 1., 0., 0.);
    if (material == TONGUE) {
        // Low and back it lies in the dark; its tip, between the teeth, sees the light.
        float tip = smoothstep(4.5, 10.6, painted.z + 1.6 * tongue_out);
        vec3 flesh = mix(vec3(.40, .13, .12), vec3(.55, .24, .22), coarse);
        return Surface(flesh, way_in * (.03 + .55 * tip * tip), .06, .2, 1., 0., .03 * fine);
    }
    if (material == FRAMES) return Surface(frame_color, .9, .05, .22, 0., 0., 0.);
    if (material == EYE_SOCKET) return Surface(skin_color * vec3(.75, .42, .40), .35, .028, .50, 1., 0., 0.);
    if (material == GUMS)
        return Surface(mix(vec3(.42, .12, .12), vec3(.54, .21, .20), coarse),
                       way_in * (.02 + .36 * pow(smoothstep(6.0, 11.2, painted.z), 2.)), .06, .2, 1., 0., .02 * fine);
    if (material == TEETH) {
        float front = smoothstep(5.6, 10.6, painted.z);
        vec3 enamel = mix(vec3(.52, .40, .26), vec3(.80, .76, .68), teeth_white) * (.9 + .1 * coarse);
        enamel = mix(enamel * vec3(.9, .72, .58), enamel, smoothstep(.0, .9, abs(painted.y + 3.45)));
        float aside = smoothstep(2.9, 1.3, abs(painted.x));  // the cheeks shade the molars
        float lower = painted.y < -3.45 ? .80 : 1.;  // the upper lip shades the lower row
        return Surface(enamel, (.5 + .5 * way_in) * lower * (.03 + .80 * front * front * mix(.07, 1., aside)), .06, .14, .6, 0., 0.);
    }
    return eye_surface();
}

// The mirror images of a window and of a second lamp, which make an eye look wet.
vec3 eye_glints(vec3 normal, vec3 view, float lit) {
    vec3 mirrored = reflect(-view, normal);
    float lamp = smoothstep(.90, .985, dot(mirrored, normalize(key_direction + vec3(0, .15, .1))));
    float second = smoothstep(.93, .985, dot(mirrored, normalize(vec3(-key_direction.x, .35, .75))));
    return key_color * lamp * .85 * lit + sky_color * second * .6;
}
