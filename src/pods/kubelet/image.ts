import { SluiceError } from '../../errors.ts'
import type { ContainerSpec } from '../types.ts'

/** The program of this machine that plays a container image. */
export interface LocalImage {
  /** What the image's ENTRYPOINT is: a container's `command` replaces it, and then `args` too. */
  readonly command: readonly string[]
  /** What the image's CMD is: a container's `args` replace it. */
  readonly args?: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

export type Images = Readonly<Record<string, LocalImage>>

/** The image by its whole name, or else by its name without tag and digest. */
export function findImage(images: Images, name: string): LocalImage {
  const bare = name.replace(/@.*$/, '').replace(/:[^/:]*$/, '')
  const image = images[name] ?? images[bare]
  if (image === undefined) {
    const known = Object.keys(images).join(', ') || 'none'
    throw new SluiceError('SL6101', `${name}; known are ${known}`)
  }
  return image
}

/** The command line, as Kubernetes combines `command` and `args` with the image's own. */
export function commandLine(image: LocalImage, spec: ContainerSpec, env: Record<string, string>): string[] {
  const own = spec.command !== undefined && spec.command.length > 0
  const command = own ? (spec.command ?? []).map((each) => expand(each, env)) : image.command
  const args = spec.args?.map((each) => expand(each, env)) ?? (own ? [] : (image.args ?? []))
  return [...command, ...args]
}

/** `$(NAME)` becomes the variable's value, `$$` a dollar sign; what is not known stays as it is (third_party/expansion). */
export function expand(text: string, env: Record<string, string>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (match, name: string | undefined) => {
    if (match === '$$') return '$'
    return name !== undefined && Object.hasOwn(env, name) ? env[name] : match
  })
}
