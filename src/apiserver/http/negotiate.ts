import { notAcceptable } from '../status.ts'

/** What the client wants of an object or list. */
export interface Negotiated {
  readonly as: 'object' | 'Table' | 'PartialObjectMetadata'
  readonly encoding: 'json' | 'yaml'
}

interface MediaRange {
  readonly type: string
  readonly parameters: Readonly<Record<string, string>>
  readonly q: number
}

export function mediaRanges(accept: string): MediaRange[] {
  return accept
    .split(',')
    .map((part) => {
      const [type, ...rest] = part.split(';').map((piece) => piece.trim())
      const parameters: Record<string, string> = {}
      for (const piece of rest) {
        const [name, value = ''] = piece.split('=')
        parameters[name.trim().toLowerCase()] = value.trim()
      }
      return { type: type.toLowerCase(), parameters, q: Number(parameters['q'] ?? 1) }
    })
    .sort((a, b) => b.q - a.q)
}

const JSON_TYPES = new Set(['', '*/*', 'application/*', 'application/json'])

/** The first range that can be served. Protobuf is never made: clients that ask for it name JSON too. */
export function negotiate(accept: string | undefined): Negotiated {
  for (const { type, parameters, q } of mediaRanges(accept ?? '')) {
    if (q === 0) continue
    const encoding = JSON_TYPES.has(type) ? 'json' : type === 'application/yaml' ? 'yaml' : undefined
    if (encoding === undefined) continue
    const { as, g, v } = parameters
    if (as === undefined || as === '') return { as: 'object', encoding }
    if (g !== 'meta.k8s.io' || v !== 'v1') continue
    if (as === 'Table') return { as: 'Table', encoding }
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList')
      return { as: 'PartialObjectMetadata', encoding }
  }
  throw notAcceptable()
}
