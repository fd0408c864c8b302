/** Where the two proxies differ on purpose, or by chance: which facts of which generators, and why. */
export interface Known {
  readonly kind: string
  readonly fact: RegExp
  /** Of what is ours and theirs. */
  readonly value?: RegExp
  readonly why: string
}

export const KNOWN: readonly Known[] = [
  {
    kind: 'lua',
    fact: /upstream\d?\.headers\.x-(envoy-internal|envoy-expected-rq-timeout-ms|forwarded-for)$/,
    why: "Envoy's client for calls of its own runs them through a router of its own, which adds these",
  },
  {
    kind: 'lua',
    fact: /upstream\d?\.headers\.(transfer-encoding|content-length)$/,
    value: /absent/,
    why: 'an empty body that a script has asked for is announced as none',
  },
  {
    kind: 'lua',
    fact: /\.rest$/,
    why: 'RFC 9110 15.3.5: a 204 has no body, whatever the script gave it',
  },
  {
    kind: 'lua',
    fact: /response\.start$/,
    value: /599/,
    why: 'RFC 9112 4: a reason phrase says nothing; Envoy has an own one for 599',
  },
]
