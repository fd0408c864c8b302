import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { type Secret, SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { invalid } from '../config/fields.ts'
import { checkNested } from '../config/nested.ts'
import { accepted } from './accepted.ts'
import { SECRET_FIELDS } from './secret-need.ts'
import { compileValidation, pairOf } from './secrets.ts'
import { ticketKeys } from './session-tickets.ts'

/** Throws where a secret could not serve whoever uses it, so that the one before may stay. */
export function checkSecret(secret: Secret, path: string): void {
  checkNested(SecretSchema, secret, path)
  const { type } = secret
  switch (type.case) {
    case 'tlsCertificate': {
      const where = `${path}.${SECRET_FIELDS[type.case]}`
      const { cert, key } = pairOf(type.value, where)
      accepted(`${where}.certificate_chain`, () => new X509Certificate(cert))
      accepted(`${where}.private_key`, () => createSecureContext({ cert, key }))
      break
    }
    case 'validationContext': {
      const where = `${path}.${SECRET_FIELDS[type.case]}`
      compileValidation([type.value], where)
      break
    }
    case 'sessionTicketKeys':
      ticketKeys(type.value, `${path}.${SECRET_FIELDS[type.case]}`)
      break
    default:
      throw invalid(path, `needs one of ${Object.values(SECRET_FIELDS).join(', ')}`)
  }
}
