/** cosign's signed statement about an image ("simple signing"). */
const TYPE = 'cosign container image signature'

/** The bytes that are signed; what they say of the image is checked with them, as one statement. */
export function payloadFor(repository: string, digest: string, annotations?: Readonly<Record<string, string>>): Buffer {
  return Buffer.from(
    JSON.stringify({
      critical: {
        identity: { 'docker-reference': repository },
        image: { 'docker-manifest-digest': digest },
        type: TYPE,
      },
      optional: annotations ?? null,
    }),
  )
}

/**
 * The digest that a payload is about; undefined when it is no such statement. Names are matched without regard to case, since
 * the specification itself prints one of them in another case. The reference in it is not looked at, as in cosign: an
 * image that was copied elsewhere keeps its signature.
 */
export function digestInPayload(bytes: Uint8Array): string | undefined {
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
  const critical = field(json, 'critical')
  const digest = field(field(critical, 'image'), 'docker-manifest-digest')
  return field(critical, 'type') === TYPE && typeof digest === 'string' ? digest : undefined
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.entries(value).find(([key]) => key.toLowerCase() === name)?.[1]
}
