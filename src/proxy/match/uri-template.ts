import type { TypedExtensionConfig } from '../../../gen/envoy/config/core/v3/extension_pb.ts'
import { UriTemplateMatchConfigSchema } from '../../../gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.ts'
import { unpackAs } from '../config/any.ts'
import { invalid } from '../config/fields.ts'
import { compileRegex } from './regex.ts'
import type { TextMatch } from './string.ts'

/** What the text of a template may be made of: RFC 3986's pchar without `*`. A path may have that, too. */
const CHARS = "a-zA-Z0-9-._~%!$&'()+,;:@="
const MAX_VARIABLES = 5

/** A path matcher of an extension: `envoy.path.match.uri_template`, which Istio makes of `{*}` and `{**}`. For paths without their query. */
export function uriTemplateMatch(config: TypedExtensionConfig, path: string): TextMatch {
  const where = `${path}.typed_config`
  const { pathTemplate } = unpackAs(config.typedConfig, UriTemplateMatchConfigSchema, where)
  const regex = compileRegex(templateRegex(pathTemplate, `${where}.path_template`), where)
  return (text) => regex.matches(text)
}

function templateRegex(template: string, path: string): string {
  if (!template.startsWith('/')) throw invalid(path, 'must begin with /')
  const names = new Set<string>()
  let regex = ''
  // `**` stands for all that follows, so nothing but text may come behind it.
  let open = true
  const glob = (text: string) => {
    if (!open) throw invalid(path, `${text} behind **`)
    if (text === '*') return `[${CHARS}*]+`
    open = false
    return `[${CHARS}*/]*`
  }
  for (let rest = template; rest !== ''; ) {
    const variable = /^\{([a-zA-Z][a-zA-Z0-9_]{0,15})(?:=([^{}]+))?\}/.exec(rest)
    const token = variable?.[0] ?? /^(?:\*\*|\*|\/|[^/*{}]+)/.exec(rest)?.[0]
    if (token === undefined) throw invalid(path, `«${rest}» is no pattern`)
    rest = rest.slice(token.length)
    if (variable !== null) {
      const [, name, pattern = '*'] = variable
      if (names.has(name)) throw invalid(path, `the variable ${name} stands twice`)
      if (names.add(name).size > MAX_VARIABLES) throw invalid(path, `more than ${MAX_VARIABLES} variables`)
      regex += pattern
        .split(/(\*\*|\*)/)
        .map((part) => (part.startsWith('*') ? glob(part) : literal(part, path)))
        .join('')
    } else regex += token.startsWith('*') ? glob(token) : literal(token, path)
  }
  return regex
}

function literal(text: string, path: string): string {
  if (!new RegExp(`^[${CHARS}/]*$`).test(text)) throw invalid(path, `«${text}» holds what no path does`)
  return text.replace(/[.$()+]/g, '\\$&')
}
