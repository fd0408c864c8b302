/** Envoy's `per_connection_buffer_limit_bytes`, of listeners and of clusters, where they do not say it. */
export const DEFAULT_BUFFER_LIMIT = 1024 * 1024
