/** What one METADATA block of HTTP/2 says: no headers, and no part of the message. A name that comes twice keeps its first value, as in Envoy. */
export type MetadataMap = ReadonlyMap<string, string>
