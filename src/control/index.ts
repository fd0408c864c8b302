/** The control plane: resources in, Envoy configuration out, status back. */
export { type ControlOptions, type ControlPlane, startControl } from './control-plane.ts'
