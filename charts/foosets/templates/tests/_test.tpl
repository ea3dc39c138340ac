{{/*
The set that the test makes: one pod to completion, one that stays until the set is deleted, both of the suite's own
image, which is in the cluster already. Its name leaves room for `-service` within the 43 characters of a child's name.
*/}}
{{- define "foosets.test.fooset" -}}
apiVersion: foo.example.com/v1alpha1
kind: FooSet
metadata:
  name: {{ include "foosets.fullname" . | replace "." "-" | trunc 30 | trimSuffix "-" }}-test
  namespace: {{ .Release.Namespace }}
spec:
  batch:
    - name: batch
      template:
        spec:
          template:
            spec:
              restartPolicy: Never
              {{- include "foosets.test.pod" (dict "root" $ "code" "pass") | nindent 14 }}
  service:
    - name: service
      template:
        spec:
          template:
            spec:
              {{- include "foosets.test.pod" (dict "root" $ "code" "import time; time.sleep(3600)") | nindent 14 }}
{{- end -}}

{{/* One container that runs `code`. It ends when told: a first process takes no notice of SIGTERM by itself. */}}
{{- define "foosets.test.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: 1
securityContext:
  {{- include "foosets.podSecurity" . | nindent 2 }}
containers:
  - name: main
    image: {{ include "foosets.image" .root | quote }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    command: [python, -c, {{ .code | quote }}]
    resources:
      requests:
        cpu: 10m
        memory: 16Mi
    securityContext:
      {{- include "foosets.containerSecurity" . | nindent 6 }}
{{- end -}}

{{/* Every object of the test is made for one run, and goes with it; a failed pod stays to be looked at. */}}
{{- define "foosets.test.metadata" -}}
name: {{ include "foosets.component" .test }}
namespace: {{ .test.root.Release.Namespace }}
labels:
  {{- include "foosets.labels" .test | nindent 2 }}
annotations:
  helm.sh/hook: test
  helm.sh/hook-weight: {{ .weight | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
  helm.sh/hook-output-log-policy: hook-succeeded,hook-failed
{{- end -}}
