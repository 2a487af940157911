// What the vertex shader found.
in vec4 other;
out vec4 texel;
void main() { texel = other; }
