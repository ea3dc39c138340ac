{{/*
What all components have in common: who they are and how they run. What they may do differs, and stands in
the component's own file. Both templates take (dict "root" $ "component" "<room>" ...).
*/}}

{{/* The ServiceAccount, bound to the ClusterRole of the same name. */}}
{{- define "foosets.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "foosets.component" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "foosets.labels" . | nindent 4 }}
automountServiceAccountToken: false
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ include "foosets.component" . }}
  labels:
    {{- include "foosets.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ include "foosets.component" . }}
subjects:
  - kind: ServiceAccount
    name: {{ include "foosets.component" . }}
    namespace: {{ .root.Release.Namespace }}
{{- end -}}

{{/*
The Deployment, unless the components run elsewhere. `settings`, if given, are further environment variables.
One replica, replaced and never doubled (Recreate): the components take no Lease.
*/}}
{{- define "foosets.deployment" -}}
{{- $values := .root.Values -}}
{{- if eq $values.components.run "Deployments" }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "foosets.component" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "foosets.labels" . | nindent 4 }}
spec:
  replicas: 1
  revisionHistoryLimit: 3
  strategy:
    type: Recreate
  selector:
    matchLabels:
      {{- include "foosets.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "foosets.labels" . | nindent 8 }}
    spec:
      serviceAccountName: {{ include "foosets.component" . }}
      automountServiceAccountToken: true
      enableServiceLinks: false
      securityContext:
        runAsNonRoot: true
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: {{ .component }}
          image: "{{ $values.image.repository }}:{{ $values.image.tag | default .root.Chart.AppVersion }}"
          imagePullPolicy: {{ $values.image.pullPolicy }}
          command: [python, -m, foosets, run, {{ .component }}]
          env:
            - name: FOOSETS_HTTP_PORT
              value: "8080"
            {{- range $name, $value := .settings }}
            - name: {{ $name }}
              value: {{ $value | quote }}
            {{- end }}
            {{- with $values.tracing.endpoint }}
            - name: OTEL_EXPORTER_OTLP_ENDPOINT
              value: {{ . | quote }}
            {{- end }}
          ports:
            - name: http
              containerPort: 8080
          livenessProbe:
            httpGet:
              path: /livez
              port: http
            periodSeconds: 10
            timeoutSeconds: 5
          readinessProbe:
            httpGet:
              path: /readyz
              port: http
            periodSeconds: 5
            timeoutSeconds: 5
          resources:
            {{- toYaml $values.components.resources | nindent 12 }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
{{- end }}
{{- end -}}
