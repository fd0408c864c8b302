import { type MirrorRule, SupplyError } from '../oci/index.ts'

/**
 * Reads mirror rules, `prefix=endpoint[,prefix=endpoint…]`: `ghcr.io=http://127.0.0.1:5000`. `http://` means plain HTTP, `https://` TLS, none
 * lets a loopback address show what it speaks. A `!` behind the endpoint forbids asking the original registry.
 */
export function parseMirrors(text: string | undefined): MirrorRule[] {
  const rules: MirrorRule[] = []
  for (const part of (text ?? '').split(',').map((one) => one.trim())) {
    if (part === '') continue
    const match = /^([^=\s]+)=(https?:\/\/)?([^\s!]+?)\/?(!)?$/.exec(part)
    if (match === null) throw new SupplyError('SL3032', `mirror rule «${part}»: write prefix=endpoint`)
    const [, prefix, scheme, endpoint, only] = match
    rules.push({
      prefix,
      endpoint,
      ...(scheme === 'http://' ? { plainHttp: true } : {}),
      ...(only === undefined ? {} : { exclusive: true }),
    })
  }
  return rules
}
