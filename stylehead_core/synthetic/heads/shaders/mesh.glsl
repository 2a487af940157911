// What surface.vert.glsl hands to the fragments of a mesh.
in vec3 placed;
in vec3 turned;
in vec2 texture_uv;
in vec3 painted;
in float openness;
flat in int material;
out vec4 color;
