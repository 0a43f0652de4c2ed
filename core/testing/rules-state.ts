export const stateRules: never[] = [];
