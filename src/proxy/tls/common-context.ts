import {
  type CommonTlsContext,
  CommonTlsContextSchema,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { onlyFields } from '../config/fields.ts'

const FIELDS = [
  'tls_params',
  'tls_certificates',
  'tls_certificate_sds_secret_configs',
  'validation_context',
  'validation_context_sds_secret_config',
  'combined_validation_context',
  'alpn_protocols',
]

/** Refuses what is not supported of a `common_tls_context`, of a server or a client. */
export function checkCommonContext(common: CommonTlsContext, path: string): void {
  onlyFields(CommonTlsContextSchema, common, FIELDS, path)
}
