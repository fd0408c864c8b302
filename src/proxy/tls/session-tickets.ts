/** The keys that encrypt TLS session tickets: the same in all workers, so that a session is resumed on whichever takes the connection. */
import { createHash, randomBytes } from 'node:crypto'
import type { SecureContext } from 'node:tls'
import {
  type TlsSessionTicketKeys,
  TlsSessionTicketKeysSchema,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts'
import type { DownstreamTlsContext } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { dataSource } from '../config/data-source.ts'
import { invalid, onlyFields } from '../config/fields.ts'
import { findSecret, type SecretSource } from './secrets.ts'
import type { TicketSecret } from './ticket-secret.ts'

/** OpenSSL's: a name, a key for HMAC-SHA-256 and one for AES-128-CBC, of 16 bytes each. */
const PART = 16
/** Envoy's: a name of 16 bytes, then 32 for HMAC and 32 for AES-256. */
const ENVOY_KEY = 80

/** The keys that the configuration gives, the first of which encrypts; `undefined` where it leaves that to us. */
export function configuredTicketKeys(
  config: DownstreamTlsContext,
  secrets: SecretSource,
  path: string,
): readonly Buffer[] | undefined {
  const kind = config.sessionTicketKeysType
  if (kind.case === 'sessionTicketKeys') return ticketKeys(kind.value, `${path}.session_ticket_keys`)
  if (kind.case !== 'sessionTicketKeysSdsSecretConfig') return undefined
  const where = `${path}.session_ticket_keys_sds_secret_config`
  return ticketKeys(findSecret(kind.value, 'sessionTicketKeys', secrets, where), where)
}

export function ticketKeys(proto: TlsSessionTicketKeys, path: string): readonly Buffer[] {
  onlyFields(TlsSessionTicketKeysSchema, proto, ['keys'], path)
  if (proto.keys.length === 0) throw invalid(`${path}.keys`, 'at least one key is needed')
  return proto.keys.map((source, i) => {
    const bytes = dataSource(source, `${path}.keys[${i}]`)
    if (bytes.length !== ENVOY_KEY)
      throw invalid(`${path}.keys[${i}]`, `has ${bytes.length} bytes, not ${ENVOY_KEY} as \`openssl rand 80\` makes`)
    // Node has room for half of the two keys, so tickets are not exchanged with an Envoy of the same keys, only among ourselves.
    return Buffer.concat([bytes.subarray(0, PART), bytes.subarray(16, 16 + PART), bytes.subarray(48, 48 + PART)])
  })
}

/** Keys, the first of which encrypts, that every worker derives from the secret of their process, and that no other context has. */
export function ownTicketKeys(secret: TicketSecret, context: string): () => readonly Buffer[] {
  const digest = createHash('sha256').update(context).digest()
  let epoch = secret.epoch
  let keys = secret.keys(digest)
  return () => {
    if (epoch !== secret.epoch) {
      epoch = secret.epoch
      keys = secret.keys(digest)
    }
    return keys
  }
}

/** What Node calls for each ticket, where its documented `ticketKeys` (one key) does not do. */
interface TicketCallbacks {
  onticketkeycallback?: (
    name: Buffer,
    iv: Buffer,
    encrypt: boolean,
  ) => readonly [number, Buffer, Buffer, Buffer, Buffer]
  enableTicketKeyCallback?(): void
}

const EMPTY = Buffer.alloc(0)
/** Node wants keys also where it is told that there is none. */
const UNKNOWN = [0, Buffer.alloc(PART), Buffer.alloc(PART), EMPTY, EMPTY] as const

/**
 * Encrypts tickets with the first of these keys as they are by then, and decrypts those of all. The client of one that was encrypted
 * with a later key gets a new one, as in Envoy.
 */
export function acceptTicketKeys({ context }: SecureContext, current: () => readonly Buffer[]): void {
  const native = context as TicketCallbacks
  // A Node without it knows the key alone that the context was made with: older sessions then begin with a full handshake.
  if (native.enableTicketKeyCallback === undefined) return
  native.onticketkeycallback = (asked, _iv, encrypt) => {
    const keys = current()
    if (encrypt) {
      const [name, hmac, aes] = parts(keys[0])
      return [1, hmac, aes, name, randomBytes(PART)]
    }
    const at = keys.findIndex((key) => key.subarray(0, PART).equals(asked))
    if (at === -1) return UNKNOWN
    const [, itsHmac, itsAes] = parts(keys[at])
    return [at === 0 ? 1 : 2, itsHmac, itsAes, EMPTY, EMPTY]
  }
  native.enableTicketKeyCallback()
}

function parts(key: Buffer): readonly [Buffer, Buffer, Buffer] {
  return [key.subarray(0, PART), key.subarray(PART, 2 * PART), key.subarray(2 * PART)]
}
