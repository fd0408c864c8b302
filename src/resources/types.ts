import type { ResourceType } from './object.ts'

function type(group: string, version: string, plural: string, kind: string, namespaced = true): ResourceType {
  return { group, version, plural, kind, namespaced }
}

const NAMESPACES = type('', 'v1', 'namespaces', 'Namespace', false)
const PODS = type('', 'v1', 'pods', 'Pod')
export const SERVICES = type('', 'v1', 'services', 'Service')
const SERVICE_ACCOUNTS = type('', 'v1', 'serviceaccounts', 'ServiceAccount')
const SECRETS = type('', 'v1', 'secrets', 'Secret')
const CONFIG_MAPS = type('', 'v1', 'configmaps', 'ConfigMap')
const EVENTS = type('', 'v1', 'events', 'Event')
const DEPLOYMENTS = type('apps', 'v1', 'deployments', 'Deployment')
const ENDPOINT_SLICES = type('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice')
const CUSTOM_RESOURCE_DEFINITIONS = type(
  'apiextensions.k8s.io',
  'v1',
  'customresourcedefinitions',
  'CustomResourceDefinition',
  false,
)
export const TRAFFIC_EXTENSIONS = type('extensions.istio.io', 'v1alpha1', 'trafficextensions', 'TrafficExtension')
const WASM_PLUGINS = type('extensions.istio.io', 'v1alpha1', 'wasmplugins', 'WasmPlugin')
export const SIGNATURE_POLICIES = type('extensions.sluice.dev', 'v1alpha1', 'signaturepolicies', 'SignaturePolicy')
const ISTIO_GATEWAYS = type('networking.istio.io', 'v1', 'gateways', 'Gateway')
const VIRTUAL_SERVICES = type('networking.istio.io', 'v1', 'virtualservices', 'VirtualService')
const DESTINATION_RULES = type('networking.istio.io', 'v1', 'destinationrules', 'DestinationRule')
export const SERVICE_ENTRIES = type('networking.istio.io', 'v1', 'serviceentries', 'ServiceEntry')
export const ENVOY_FILTERS = type('networking.istio.io', 'v1alpha3', 'envoyfilters', 'EnvoyFilter')
const GATEWAY_CLASSES = type('gateway.networking.k8s.io', 'v1', 'gatewayclasses', 'GatewayClass', false)
const GATEWAYS = type('gateway.networking.k8s.io', 'v1', 'gateways', 'Gateway')
const HTTP_ROUTES = type('gateway.networking.k8s.io', 'v1', 'httproutes', 'HTTPRoute')
const REFERENCE_GRANTS = type('gateway.networking.k8s.io', 'v1beta1', 'referencegrants', 'ReferenceGrant')

/** Every kind that Sluice itself reads or writes. */
export const RESOURCE_TYPES: readonly ResourceType[] = [
  NAMESPACES,
  PODS,
  SERVICES,
  SERVICE_ACCOUNTS,
  SECRETS,
  CONFIG_MAPS,
  EVENTS,
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  CUSTOM_RESOURCE_DEFINITIONS,
  TRAFFIC_EXTENSIONS,
  WASM_PLUGINS,
  SIGNATURE_POLICIES,
  ISTIO_GATEWAYS,
  VIRTUAL_SERVICES,
  DESTINATION_RULES,
  SERVICE_ENTRIES,
  ENVOY_FILTERS,
  GATEWAY_CLASSES,
  GATEWAYS,
  HTTP_ROUTES,
  REFERENCE_GRANTS,
]
