import { type DataSource, DataSourceSchema } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { invalid, onlyFields } from './fields.ts'
import { readBytes } from './read-bytes.ts'

/** The bytes of a DataSource, read now. */
export function dataSource(source: DataSource, path: string): Buffer {
  onlyFields(DataSourceSchema, source, ['filename', 'inline_bytes', 'inline_string', 'environment_variable'], path)
  switch (source.specifier.case) {
    case 'inlineString':
      return Buffer.from(source.specifier.value)
    case 'inlineBytes':
      return Buffer.from(source.specifier.value)
    case 'filename':
      return readBytes(source.specifier.value, `${path}.filename`)
    case 'environmentVariable': {
      const value = process.env[source.specifier.value]
      if (value === undefined) throw invalid(`${path}.environment_variable`, `${source.specifier.value} is not set`)
      return Buffer.from(value)
    }
    default:
      throw invalid(path, 'a data source is missing')
  }
}
