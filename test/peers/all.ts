/** Every peer under its name, for the runner, which fetches them before the tests begin. */
import { cosign } from './cosign.ts'
import {
  apache,
  distributionConformance,
  dockerRegistry,
  envoy,
  go,
  h2load,
  haproxy,
  helm,
  kubectl,
  nginx,
  oras,
  sharedModules,
  skopeo,
  wrk,
  zig,
} from './index.ts'
import { kubeApiserver } from './kube-apiserver.ts'
import type { Peer } from './peer.ts'
import { rust } from './rust.ts'

export const PEERS: Readonly<Record<string, () => Promise<Peer>>> = {
  envoy,
  'kubectl 1.33': () => kubectl('1.33'),
  'kubectl 1.35': () => kubectl('1.35'),
  helm,
  nginx,
  haproxy,
  apache,
  wrk,
  h2load,
  skopeo,
  'docker-registry': dockerRegistry,
  go,
  oras,
  cosign: () => cosign(),
  'distribution-conformance': distributionConformance,
  zig,
  rust,
  'kube-apiserver': () => kubeApiserver(),
  'shared modules': sharedModules,
}
