/** Where the two proxies rightly differ, and why. */
import type { Told } from './compare.ts'
import type { Connection, Trial } from './trial.ts'

type BothTold = readonly [ours: Told, theirs: Told]

interface Difference {
  readonly trial: Trial
  readonly told: BothTold
  readonly fact: string
  /** Whose fact it is; `undefined`: that of the trial. */
  readonly number: number | undefined
  readonly ours: string | undefined
  readonly theirs: string | undefined
}

interface Known {
  readonly why: string
  covers(difference: Difference): boolean
}

/** Of facts that the trial has as a whole, and of what is the same in other words. */
const KNOWN: readonly Known[] = [
  {
    why: 'fields that are refused here: docs/reference/proxy.md lists them',
    covers: ({ fact, ours, theirs }) =>
      fact === 'refused' && theirs === undefined && /not supported|"\w+" is unknown/.test(ours ?? ''),
  },
  {
    why: 'no handshake could succeed: Envoy takes such bounds, and refuses all connections',
    covers: ({ fact, ours, theirs }) =>
      fact === 'refused' && theirs === undefined && /below the minimum/.test(ours ?? ''),
  },
  {
    why: 'OpenSSL has other words than BoringSSL',
    covers: ({ fact, ours, theirs }) =>
      /FAILURE_REASON|DETAILS/.test(fact) &&
      plain(ours) === plain(theirs) &&
      ours !== undefined &&
      theirs !== undefined,
  },
  {
    why: 'OpenSSL knows no ciphers of equal preference, among which Envoy lets the client choose',
    covers: ({ fact, ours, theirs }) =>
      /cipher/i.test(fact) && `${ours}${theirs}`.includes('CHACHA20') && `${ours}${theirs}`.includes('AES'),
  },
  {
    why: 'OpenSSL has an order of its own for the ciphers of TLS 1.3, BoringSSL takes what the client likes best',
    covers: ({ fact, ours, theirs }) => /cipher/i.test(fact) && isTls13(ours) && isTls13(theirs),
  },
  {
    why: 'server names are compared without regard to case (RFC 6066 3); Envoy shows such a client its first certificate',
    covers: ({ trial, fact, number }) =>
      fact.endsWith('.shown') && /[A-Z]/.test(connectionOf(trial, number)?.tls?.serverName ?? ''),
  },
  {
    why: 'of the certificates with a name Node takes one, of RSA where there is one',
    covers: ({ fact, ours, theirs }) =>
      fact.endsWith('.shown') && ours?.endsWith('-rsa') === true && theirs?.endsWith('-ec') === true,
  },
  {
    why: 'who does not choose h2 is not spoken to in HTTP/2 (RFC 9113 3.2); Envoy tries it all the same',
    covers: ({ trial: { upstream }, fact, ours, theirs }) => {
      const [, offered = ''] = /"alpn_protocols":\[([^\]]*)\]/.exec(JSON.stringify(upstream?.context ?? {})) ?? []
      return (
        fact.endsWith('.answer') &&
        upstream?.http2 === true &&
        offered !== '' &&
        !offered.includes('"h2"') &&
        ours?.startsWith('503') === true &&
        /^(502|200)/.test(theirs ?? '')
      )
    },
  },
  {
    why: 'and so it knows of no peer',
    covers: ({ trial, fact, ours, theirs }) =>
      asksWithoutValidation(trial) &&
      (fact === 'ssl.no_certificate'
        ? ours === undefined && Number(theirs) <= trial.connections.length
        : /PEER/.test(fact) && theirs === undefined),
  },
  {
    why: 'auto_sni writes names of servers in lower case: they have none (RFC 6066 3)',
    covers: ({ trial, fact, ours, theirs }) =>
      trial.upstream !== undefined && fact.endsWith('.answer') && ours?.toLowerCase() === theirs?.toLowerCase(),
  },
  {
    why: 'sessions with upstreams are never resumed: docs/reference/proxy.md',
    covers: ({ trial, fact, theirs }) =>
      trial.upstream !== undefined && (fact === 'ssl.session_reused' || /"serverName":false/.test(theirs ?? '')),
  },
  {
    why: 'requests that come at once may be for one connection, which may fail for all of them',
    covers: ({ trial, fact, ours, theirs }) =>
      trial.upstream !== undefined &&
      /^ssl\.(?:connection_error|fail_|handshake)/.test(fact) &&
      Number(ours) >= 1 &&
      Number(theirs) >= 1 &&
      Math.max(Number(ours), Number(theirs)) <= trial.connections.length,
  },
]

/** Of connections that one of the two does not serve, or ends for another reason: they count otherwise, too. */
const ENDED_BY_ONE: readonly Known[] = [
  {
    why: 'require_client_certificate asks for one also without validation_context; Envoy then asks for none, and lets everybody in',
    covers: ({ trial, ours }) => ours === 'none' && asksWithoutValidation(trial),
  },
  {
    why: 'a client that offers no protocol which is spoken here is told so and goes (RFC 7301 3.2); Envoy takes no notice',
    covers: ({ trial, number, ours }) => {
      const offered = connectionOf(trial, number)?.tls?.protocols ?? []
      const text = JSON.stringify(trial.chains)
      const spoken = [...text.matchAll(/"alpn_protocols":(\[[^\]]*\])/g)].map(
        ([, list]) => JSON.parse(list) as string[],
      )
      return ours === 'none' && offered.length > 0 && spoken.some((list) => !list.some((one) => offered.includes(one)))
    },
  },
  {
    why: 'of the certificates with a name Node takes one, of RSA where there is one, whatever the client can do with',
    covers: ({ trial, number, ours }) => {
      const { ciphers, signatures } = connectionOf(trial, number)?.tls ?? {}
      const text = JSON.stringify(trial.chains)
      return (
        ours === 'none' &&
        /-rsa.cert/.test(text) &&
        /-ec.cert/.test(text) &&
        (ciphers !== undefined || signatures !== undefined || /"(cipher_suites|signature_algorithms)"/.test(text))
      )
    },
  },
  {
    why: 'the default curves of OpenSSL are those of BoringSSL and P-384 and P-521, which are no weaker',
    covers: ({ trial, number, theirs }) =>
      /^(?:none|503)/.test(theirs ?? '') &&
      /P-384|P-521|p384-ec/.test(JSON.stringify([connectionOf(trial, number), trial.upstream?.server])),
  },
  {
    why: 'names of hosts have no case (RFC 9525 6.3), in auto_san_validation as elsewhere; in Envoy they have there',
    covers: ({ trial: { upstream, connections }, number = 0, theirs }) =>
      theirs?.startsWith('503') === true &&
      /[A-Z]/.test(connections[number].host) &&
      JSON.stringify(upstream?.cluster ?? {}).includes('"auto_san_validation":true'),
  },
  {
    why: 'who has no curves for TLS 1.2 says nothing of them there; BoringSSL sends an empty list, which servers do not understand',
    covers: ({ trial: { upstream }, theirs }) =>
      JSON.stringify(upstream?.context ?? {}).includes('"ecdh_curves":["X25519MLKEM768"]') &&
      theirs?.startsWith('503') === true,
  },
  {
    why: 'in TLS 1.2 OpenSSL takes elliptic certificates on curves that are spoken only (RFC 8422 5.1)',
    covers: ({ trial, told: [, theirs], number, ours }) => {
      const { curves = 'P-256' } = connectionOf(trial, number)?.tls ?? {}
      return (
        ours === 'none' &&
        (!curves.includes('P-256') || JSON.stringify(trial).includes('"ecdh_curves"')) &&
        /^(TLSv1(\.[12])?)?$/.test(theirs.get(`${number}.version`) ?? '')
      )
    },
  },
]

const ASKS = /trusted_ca|sds_secret_config|verify_certificate|alt_names/

function asksWithoutValidation({ chains }: Trial): boolean {
  return JSON.stringify(chains)
    .split('"transport_socket"')
    .some((text) => text.includes('"require_client_certificate":true') && !ASKS.test(text))
}

function connectionOf(trial: Trial, number: number | undefined): Connection | undefined {
  return number === undefined ? undefined : trial.connections[number]
}

function isTls13(cipher: string | undefined): boolean {
  return /^TLS_(?:AES|CHACHA)/.test(cipher ?? '')
}

function plain(text: string | undefined): string | undefined {
  return text?.replace(/TLS_error:.*TLS_error_end/, 'TLS_error')
}

/** What is left of the differences of a trial. */
export function unexplained(trial: Trial, told: BothTold): string[] {
  const [ours, theirs] = told
  if (ours.has('refused') && theirs.has('refused')) return []
  const refused = ours.has('refused') || theirs.has('refused')
  const facts = refused ? ['refused'] : [...new Set([...ours.keys(), ...theirs.keys()])]
  const ended = trial.connections.filter((_, number) => {
    const fact = `${number}.answer`
    const difference = { trial, told, fact, number, ours: ours.get(fact), theirs: theirs.get(fact) }
    return ENDED_BY_ONE.some((known) => known.covers(difference))
  })
  return differences(trial, told, facts)
    .filter((difference) => {
      const { fact, number } = difference
      if (KNOWN.some((known) => known.covers(difference))) return false
      if (number !== undefined) return !fact.endsWith('.answer') || !ended.includes(trial.connections[number])
      const [one, other] = [difference.ours, difference.theirs].map((value) => Number(value ?? 0))
      return !fact.startsWith('ssl.') || Math.abs(one - other) > ended.length
    })
    .map(({ fact, ours: one, theirs: other }) => `${fact}: ours ${one}, theirs ${other}`)
}

function differences(trial: Trial, told: BothTold, facts: readonly string[]): Difference[] {
  const [ours, theirs] = told
  return facts.flatMap((fact) => {
    const [one, other] = [ours.get(fact), theirs.get(fact)]
    if (one === other) return []
    const [, digits] = /^(\d+)\./.exec(fact) ?? []
    if (digits !== undefined && !tells(digits, ours, theirs).has(fact)) return []
    const number = digits === undefined ? undefined : Number(digits)
    return [{ trial, told, fact, number, ours: one, theirs: other }]
  })
}

/** Where one of these differs, all that follows may. */
function tells(number: string, ours: Told, theirs: Told): ReadonlySet<string> {
  const answer = `${number}.answer`
  const alone = [ours, theirs].some((told) => told.get(answer) === 'none')
  const order = alone ? [answer] : ['shown', 'version', 'answer'].map((name) => `${number}.${name}`)
  const first = order.find((name) => ours.get(name) !== theirs.get(name))
  return new Set(first === undefined ? [...ours.keys(), ...theirs.keys()] : [first])
}
