export const V8_POOL: string
