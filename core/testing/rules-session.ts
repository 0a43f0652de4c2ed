export const sessionRules: never[] = [];
