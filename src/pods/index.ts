export type { Images, LocalImage } from './kubelet/image.ts'
export { type PodsHandle, type PodsOptions, startPods } from './start.ts'
