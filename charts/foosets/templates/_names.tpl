{{/*
Names, labels and choices that several templates share. Templates that speak of one component take
(dict "root" $ "component" "<room>").
*/}}

{{/* The release's name, with the chart's unless it is in there already; short enough for every suffix. */}}
{{- define "foosets.fullname" -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) -}}
{{- $name | trunc 46 | trimSuffix "-" -}}
{{- end -}}

{{- define "foosets.component" -}}
{{ include "foosets.fullname" .root }}-{{ .component }}
{{- end -}}

{{/* The user name under which the API server knows a component; what the policies compare with. */}}
{{- define "foosets.identity" -}}
system:serviceaccount:{{ .root.Release.Namespace }}:{{ include "foosets.component" . }}
{{- end -}}

{{/*
The user names of Kubernetes' garbage collector, which changes owner references when an owner is deleted with
--cascade=orphan or =foreground; without credentials of its own it is the kube-controller-manager.
*/}}
{{- define "foosets.garbageCollectors" -}}
['system:serviceaccount:kube-system:generic-garbage-collector', 'system:kube-controller-manager']
{{- end -}}

{{/* Policy or Controller: who writes the scheduler's name. Empty in the values means: by capability. */}}
{{- define "foosets.schedulerAssignment" -}}
{{- $chosen := .Values.policies.schedulerName -}}
{{- if and (not .Values.policies.enabled) (eq $chosen "Policy") -}}
{{- fail "policies.schedulerName is Policy, but policies.enabled is false: choose Controller, or leave it empty" -}}
{{- end -}}
{{- $served := .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}
{{- $chosen | default (ternary "Policy" "Controller" (and .Values.policies.enabled $served)) -}}
{{- end -}}

{{- define "foosets.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "foosets.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "foosets.labels" -}}
{{ include "foosets.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end -}}

{{/* The binding that puts a validating policy of the same name in force. */}}
{{- define "foosets.denyBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ include "foosets.component" . }}
  labels:
    {{- include "foosets.labels" . | nindent 4 }}
spec:
  policyName: {{ include "foosets.component" . }}
  validationActions: [Deny]
{{- end -}}
