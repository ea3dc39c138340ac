{{/* The release's name, with the chart's unless it is in there already: a Service's name has at most 63 characters. */}}
{{- define "jaeger.fullname" -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) -}}
{{- $name | replace "." "-" | trunc 54 | trimSuffix "-" -}}
{{- end -}}

{{- define "jaeger.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "jaeger.labels" -}}
{{ include "jaeger.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* OTLP over HTTP in, traces in memory, the query API and the web pages out. Read by Jaeger 2.13 and newer. */}}
{{- define "jaeger.configuration" -}}
extensions:
  jaeger_storage:
    backends:
      memory:
        memory:
          max_traces: {{ int .Values.storage.maxTraces }}
  jaeger_query:
    storage:
      traces: memory
    http:
      endpoint: 0.0.0.0:16686
    grpc:
      endpoint: 127.0.0.1:16685 # it must have one
  healthcheckv2:
    use_v2: true
    http:
      endpoint: 0.0.0.0:13133
receivers:
  otlp:
    protocols:
      http:
        endpoint: 0.0.0.0:4318
exporters:
  jaeger_storage_exporter:
    trace_storage: memory
service:
  extensions: [jaeger_storage, jaeger_query, healthcheckv2]
  telemetry:
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [jaeger_storage_exporter]
{{- end -}}
