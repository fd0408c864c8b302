/** Where the two proxies rightly differ, and why. */
import type { Told } from './compare.ts'
import type { Trial } from './trial.ts'

interface Difference {
  readonly trial: Trial
  /** Of the connection `connection`, or of the trial. */
  readonly fact: string
  readonly connection: number
  readonly ours: string | undefined
  readonly theirs: string | undefined
}

interface Known {
  readonly why: string
  covers(difference: Difference): boolean
}

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
    why: 'require_client_certificate asks for one also without validation_context; Envoy then asks for none, and lets everybody in',
    covers: ({ trial, fact, theirs, ours }) =>
      asksWithoutValidation(trial) &&
      (fact.endsWith('.answer') ? ours === 'none' : /PEER|^ssl\./.test(fact) || theirs === undefined),
  },
  {
    why: 'a client that offers no protocol which is spoken here is told so and goes (RFC 7301 3.2); Envoy takes no notice',
    covers: ({ trial, fact, connection, ours }) => {
      const asked = Number.isNaN(connection) ? trial.connections : [trial.connections[connection]]
      const offers = asked.some((one) => (one.tls?.protocols.length ?? 0) > 0)
      return (
        offers &&
        JSON.stringify(trial.chains).includes('alpn_protocols') &&
        (fact.startsWith('ssl.') || ours === 'none')
      )
    },
  },
  {
    why: 'server names are compared without regard to case (RFC 6066 3); Envoy shows such a client its first certificate',
    covers: ({ trial, fact, connection }) =>
      fact.endsWith('.shown') && /[A-Z]/.test(trial.connections[connection]?.tls?.serverName ?? ''),
  },
  {
    why: 'of the certificates with a name Node takes one, of RSA where there is one, whatever the client can do with',
    covers: ({ trial, fact, ours, theirs }) => {
      if (fact.endsWith('.shown')) return ours?.endsWith('-rsa') === true && theirs?.endsWith('-ec') === true
      const certificates = JSON.stringify(trial.chains)
      return (
        /-rsa.cert/.test(certificates) && /-ec.cert/.test(certificates) && fact.endsWith('.answer') && ours === 'none'
      )
    },
  },
  {
    why: 'sessions with upstreams are never resumed: docs/reference/proxy.md',
    covers: ({ trial, fact, theirs }) =>
      trial.upstream !== undefined && (fact === 'ssl.session_reused' || /"serverName":false/.test(theirs ?? '')),
  },
  {
    why: 'the default curves of OpenSSL are those of BoringSSL and P-384 and P-521, which are no weaker',
    covers: ({ trial, fact, connection, theirs }) => {
      const asked = Number.isNaN(connection) ? trial.connections : trial.connections[connection]
      const named = /P-384|P-521|p384-ec/.test(JSON.stringify([asked, trial.upstream?.server]))
      return named && (fact.startsWith('ssl.') || /^(?:none|503)/.test(theirs ?? ''))
    },
  },
  {
    why: 'OpenSSL has an order of its own for the ciphers of TLS 1.3, BoringSSL takes what the client likes best',
    covers: ({ fact, ours, theirs }) => /cipher/i.test(fact) && isTls13(ours) && isTls13(theirs),
  },
  {
    why: 'in TLS 1.2 OpenSSL takes elliptic certificates on curves that are spoken only (RFC 8422 5.1)',
    covers: ({ trial, fact, ours }) =>
      JSON.stringify(trial).includes('"ecdh_curves"') && (fact.startsWith('ssl.') || ours === 'none'),
  },
  {
    why: 'requests that come at once may be for one connection, which may fail for all of them',
    covers: ({ trial, fact, ours, theirs }) =>
      trial.upstream !== undefined &&
      /^ssl\.(?:connection_error|fail_|handshake)/.test(fact) &&
      ours !== undefined &&
      theirs !== undefined,
  },
]

const ASKS = /trusted_ca|sds_secret_config|verify_certificate|alt_names/

function asksWithoutValidation({ chains }: Trial): boolean {
  return JSON.stringify(chains)
    .split('"transport_socket"')
    .some((text) => text.includes('"require_client_certificate":true') && !ASKS.test(text))
}

function isTls13(cipher: string | undefined): boolean {
  return /^TLS_(?:AES|CHACHA)/.test(cipher ?? '')
}

function plain(text: string | undefined): string | undefined {
  return text?.replace(/TLS_error:.*TLS_error_end/, 'TLS_error')
}

/** What is left of the differences of a trial. */
export function unexplained(trial: Trial, [ours, theirs]: readonly [Told, Told]): string[] {
  if (ours.has('refused') && theirs.has('refused')) return []
  const refused = ours.has('refused') || theirs.has('refused')
  const facts = refused ? ['refused'] : [...new Set([...ours.keys(), ...theirs.keys()])]
  return facts.flatMap((fact) => {
    const [one, other] = [ours.get(fact), theirs.get(fact)]
    if (one === other) return []
    const [, number] = /^(\d+)\./.exec(fact) ?? []
    if (number !== undefined && !tells(number, ours, theirs).has(fact)) return []
    const difference = { trial, fact, connection: Number(number), ours: one, theirs: other }
    return KNOWN.some(({ covers }) => covers(difference)) ? [] : [`${fact}: ours ${one}, theirs ${other}`]
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
