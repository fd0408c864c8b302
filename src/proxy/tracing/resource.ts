import type { OpenTelemetryConfig } from '../../../gen/envoy/config/trace/v3/opentelemetry_pb.ts'
import { EnvironmentResourceDetectorConfigSchema } from '../../../gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb.ts'
import {
  type StaticConfigResourceDetectorConfig,
  StaticConfigResourceDetectorConfigSchema,
} from '../../../gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/static_config_resource_detector_pb.ts'
import { unpack } from '../config/any.ts'
import { invalid, unsupported } from '../config/fields.ts'

/** Who sends the spans: the service's name and what the detectors find. Later ones win. */
export function resourceAttributes(config: OpenTelemetryConfig, path: string): ReadonlyMap<string, string> {
  const attributes = new Map([
    ['service.name', config.serviceName || 'unknown_service:sluice'],
    ['telemetry.sdk.language', 'nodejs'],
    ['telemetry.sdk.name', 'sluice'],
  ])
  config.resourceDetectors.forEach((detector, i) => {
    const where = `${path}.resource_detectors[${i}].typed_config`
    const { typeName, message } = unpack(detector.typedConfig, where)
    if (typeName === EnvironmentResourceDetectorConfigSchema.typeName) addEnvironment(attributes)
    else if (typeName === StaticConfigResourceDetectorConfigSchema.typeName) {
      const { attributes: own } = message as StaticConfigResourceDetectorConfig
      for (const [name, value] of Object.entries(own)) {
        if (name === '') throw invalid(`${where}.attributes`, 'an attribute without a name')
        attributes.set(name, value)
      }
    } else throw unsupported(where, `resource detector ${typeName}`)
  })
  return attributes
}

/** `OTEL_RESOURCE_ATTRIBUTES`: `key=value,key=value` (OpenTelemetry specification, Resource SDK). */
function addEnvironment(attributes: Map<string, string>): void {
  for (const pair of (process.env['OTEL_RESOURCE_ATTRIBUTES'] ?? '').split(',')) {
    const equals = pair.indexOf('=')
    if (equals > 0) attributes.set(pair.slice(0, equals).trim(), pair.slice(equals + 1).trim())
  }
}
