/** The certificates that trials name: `@name.cert` in a configuration is the PEM of the chain of `name`. */
import { createHash, X509Certificate } from 'node:crypto'
import { type Issued, Issuer, type Leaf } from './issuer.ts'

const CLIENT = ['clientAuth'] as const
const SERVER = ['serverAuth'] as const
const BOTH = ['serverAuth', 'clientAuth'] as const

/** Those of the first authority that servers show. */
const SERVERS: Readonly<Record<string, Leaf>> = {
  'a-ec': { names: ['dns:a.example', 'uri:spiffe://td/a', 'uri:spiffe://td/a2'], usages: BOTH },
  'a-rsa': { names: ['dns:a.example', 'ip:127.0.0.1'], usages: SERVER, key: 'rsa' },
  'wild-ec': { names: ['dns:*.example', 'dns:*.a.example'], usages: SERVER },
  'wild-rsa': { names: ['dns:*.example'], usages: SERVER, key: 'rsa' },
  'b-ec': { names: ['dns:b.example', 'email:b@example'], usages: SERVER },
  'b-rsa': { names: ['dns:b.example', 'dns:c.example'], usages: SERVER, key: 'rsa' },
  'named-ec': { subject: 'CN=c.example', names: [], usages: SERVER },
  'p384-ec': { names: ['dns:c.example'], usages: SERVER, key: 'P-384' },
  'old-ec': { names: ['dns:a.example'], usages: SERVER, valid: 'past' },
}

/** Those of the first authority that clients show. */
const CLIENTS: Readonly<Record<string, Leaf>> = {
  client: {
    names: ['uri:spiffe://td/client', 'dns:client.example', 'email:client@example', 'ip:10.0.0.7', 'ip:2001:db8::7'],
    usages: CLIENT,
  },
  'client-rsa': { names: ['dns:rsa.client.example', 'dns:client.example'], usages: CLIENT, key: 'rsa' },
  'client-wild': { names: ['dns:*.client.example'], usages: BOTH },
  'client-uris': { names: ['uri:spiffe://td/one', 'uri:spiffe://td/two,three'], usages: CLIENT },
  'client-bare': { subject: 'CN=bare, O="Acme; \\"Inc\\", Ltd", C=DE', names: [], usages: CLIENT },
  'client-any': { names: ['dns:client.example'], usages: [] },
  'client-server': { names: ['dns:client.example'], usages: SERVER },
  'client-old': { names: ['dns:client.example'], usages: CLIENT, valid: 'past' },
  'client-early': { names: ['dns:client.example'], usages: CLIENT, valid: 'future' },
  'client-revoked': { names: ['dns:client.example'], usages: CLIENT },
}

export class Catalogue {
  readonly #made = new Map<string, Issued>()
  readonly #texts = new Map<string, string>()

  static async make(): Promise<Catalogue> {
    const it = new Catalogue()
    const [first, other] = [await Issuer.root('CN=first, O=Roots'), await Issuer.root('CN=other')]
    const middle = await first.below('CN=middle')
    const deep = await middle.below('CN=deep')
    const old = await Issuer.root('CN=old', 'past')
    for (const [name, issuer] of Object.entries({ first, other, middle, deep, old })) it.#made.set(name, issuer.own)
    for (const [name, leaf] of Object.entries({ ...SERVERS, ...CLIENTS })) it.#made.set(name, await first.issue(leaf))
    const lone = async (name: string, from: Issuer, leaf: Leaf, ...chain: Issuer[]) => {
      const { cert, key } = await from.issue(leaf)
      it.#made.set(name, { key, cert: [cert, ...chain.map(({ own }) => own.cert)].join('') })
    }
    const [server, client] = [SERVERS['a-ec'], CLIENTS['client']]
    await lone('other-ec', other, { ...server, usages: BOTH })
    await lone('chained-ec', middle, { ...server, usages: SERVER }, middle)
    await lone('unchained-ec', middle, { ...server, usages: SERVER })
    await lone('client-other', other, client)
    await lone('client-chained', middle, client, middle)
    await lone('client-deep', deep, client, deep, middle)
    await lone('client-unchained', middle, client)
    await lone('client-of-old', old, client)
    it.#made.set('client-self', await Issuer.selfSigned(client))
    const serial = (name: string) => it.leaf(name).serialNumber
    it.#texts.set('revoked.crl', await first.crl([serial('client-revoked'), serial('b-ec')]))
    it.#texts.set('nobody.crl', await first.crl([]))
    it.#texts.set('stale.crl', await first.crl([], 'past'))
    it.#texts.set('middle.crl', await middle.crl([serial('client-chained')]))
    it.#texts.set('other.crl', await other.crl([]))
    return it
  }

  /** Names of certificates by their fingerprints. */
  nameOf(fingerprint256: string): string {
    return [...this.#made.keys()].find((name) => this.leaf(name).fingerprint256 === fingerprint256) ?? 'none'
  }

  pair(name: string): Issued {
    const found = this.#made.get(name)
    if (found === undefined) throw new Error(`no certificate ${name}`)
    return found
  }

  leaf(name: string): X509Certificate {
    return new X509Certificate(this.pair(name).cert)
  }

  /** JSON with what stands for the names in it; `@a.cert+b.cert` are both. */
  filled(json: unknown): unknown {
    const text = JSON.stringify(json, (_, value: unknown) =>
      typeof value === 'string' && value.startsWith('@')
        ? value
            .slice(1)
            .split('+')
            .map((one) => this.#text(one))
            .join('')
        : value,
    )
    return JSON.parse(text)
  }

  #text(reference: string): string {
    const text = this.#texts.get(reference)
    if (text !== undefined) return text
    const [name, part] = reference.split('.')
    switch (part) {
      case 'cert':
        return this.pair(name).cert
      case 'key':
        return this.pair(name).key
      case 'hash':
        return this.leaf(name).fingerprint256.replaceAll(':', '').toLowerCase()
      case 'colons':
        return this.leaf(name).fingerprint256
      case 'spki': {
        const key = this.leaf(name).publicKey.export({ type: 'spki', format: 'der' })
        return createHash('sha256').update(key).digest('base64')
      }
      default:
        throw new Error(`what is ${reference}?`)
    }
  }
}
