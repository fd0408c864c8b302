/** By the one stream, however long it takes: Istio never lets a resource time out at its first fetch. */
export const ADS = { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' }
