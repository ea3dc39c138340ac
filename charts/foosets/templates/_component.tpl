{{/*
What all components have in common: who they are and how they run. What they may do differs, and stands in
the component's own file. The templates take (dict "root" $ "component" "<room>" ...).
*/}}

{{/* The ServiceAccount, bound to the ClusterRole and, for its Lease, to the Role of the same name. */}}
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
---
{{ include "foosets.lease" . }}
{{- end -}}

{{/*
The Lease of who works, and the right to it alone. It comes with the release, and goes with it. Whoever leads makes it
anew should somebody delete it: by a PUT, since a role can allow creating one name only where the request says it.
*/}}
{{- define "foosets.lease" -}}
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata:
  name: {{ include "foosets.component" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "foosets.labels" . | nindent 4 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ include "foosets.component" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "foosets.labels" . | nindent 4 }}
rules:
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    resourceNames: [{{ include "foosets.component" . }}]
    verbs: [get, create, update]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ include "foosets.component" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "foosets.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ include "foosets.component" . }}
subjects:
  - kind: ServiceAccount
    name: {{ include "foosets.component" . }}
    namespace: {{ .root.Release.Namespace }}
{{- end -}}

{{/*
The Deployment, and a budget for evictions where it has several pods; unless the components run elsewhere.
`settings`, if given, are further environment variables. A new version fills its caches before the old one goes; the
lease sees to it that the two never work at the same time.
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
  replicas: {{ $values.components.replicas }}
  revisionHistoryLimit: 3
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
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
        {{- include "foosets.podSecurity" . | nindent 8 }}
      {{- if gt (int $values.components.replicas) 1 }}
      topologySpreadConstraints: # where there is but one node, both run there
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "foosets.selector" . | nindent 14 }}
          matchLabelKeys: [pod-template-hash]
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "foosets.image" .root | quote }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          command: [python, -m, foosets, run, {{ .component }}]
          env:
            - name: FOOSETS_HTTP_PORT
              value: "8080"
            - name: FOOSETS_LEASE
              value: {{ .root.Release.Namespace }}/{{ include "foosets.component" . }}
            - name: FOOSETS_IDENTITY # a container that is started again is the same holder
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
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
          readinessProbe: # the caches are filled and the lease can be had; who waits for it is ready
            httpGet:
              path: /readyz
              port: http
            periodSeconds: 5
            timeoutSeconds: 5
          resources:
            {{- toYaml $values.components.resources | nindent 12 }}
          securityContext:
            {{- include "foosets.containerSecurity" . | nindent 12 }}
{{- if gt (int $values.components.replicas) 1 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "foosets.component" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "foosets.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow # a pod that does not work shall not keep a node from being drained
  selector:
    matchLabels:
      {{- include "foosets.selector" . | nindent 6 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The restricted level of pod security: what a pod says of itself, and what each of its containers says. */}}
{{- define "foosets.podSecurity" -}}
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "foosets.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
