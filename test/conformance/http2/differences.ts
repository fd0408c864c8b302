/** Where one of the proxies does not as a case expects, or both do in ways of their own, each with the reason. */

export interface Difference {
  /**
   * `envoy` or `sluice`: the one that fails. `both`: both fail. `free`: the clause leaves a choice, and they choose
   * differently.
   */
  readonly who: 'envoy' | 'sluice' | 'both' | 'free'
  readonly cases: readonly string[]
  readonly why: string
}

const NODE = 'nghttp2 in node:http2 does so; the codec of our own, which replaces it, is to do as expected'

export const DIFFERENCES: readonly Difference[] = [
  {
    who: 'both',
    cases: ['http2/4.2/5', 'http2/5.1/11', 'http2/5.1/12', 'http2/5.1/14', 'http2/5.1.1/2', 'http2/6.3/1'],
    why: `${NODE}; Envoy has nghttp2, too`,
  },
  { who: 'both', cases: ['http2/8.2/12', 'http2/8.2/13'], why: `white space around values is left as it is: ${NODE}` },
  {
    who: 'sluice',
    cases: [
      'http2/5.1.2/2',
      'http2/6.7/2',
      'http2/8.2/2',
      'http2/8.2/3',
      'http2/8.2/4',
      'http2/8.2/5',
      'http2/8.2/6',
      'http2/8.2/7',
      'http2/8.2/8',
      'http2/8.2/9',
      'http2/8.2/10',
      'http2/8.2/11',
      'http2/8.2/16',
      'http2/8.2/18',
      'attack/hpack/3',
    ],
    why: NODE,
  },
  {
    who: 'envoy',
    cases: ['http2/6.9.2/4'],
    why: 'RFC 9113 6.9.2 asks for a connection error; Envoy resets the stream whose window overflows',
  },
  {
    who: 'envoy',
    cases: ['http2/7/1'],
    why: 'Envoy reads nothing behind a GOAWAY with an error and waits for the client to close',
  },
  {
    who: 'free',
    cases: ['attack/flood/3', 'attack/flood/10'],
    why: `many harmless frames are too many for it: ${NODE}`,
  },
  {
    who: 'free',
    cases: ['attack/flood/6', 'attack/flood/7', 'attack/flood/9'],
    why: 'Envoy counts WINDOW_UPDATE and padding against the DATA that it has sent; here they cost nothing to keep',
  },
]
