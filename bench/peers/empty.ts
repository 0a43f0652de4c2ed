/** The empty Bun script: what starting a process costs before a program does anything. */
void 0;
