{{- define "stsguard.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "stsguard.fullname" -}}
{{- $name := include "stsguard.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "stsguard.selector" -}}
{{ dict "app.kubernetes.io/name" (include "stsguard.name" .) "app.kubernetes.io/instance" .Release.Name | toYaml }}
{{- end -}}

{{- define "stsguard.labels" -}}
{{ include "stsguard.labelsAnd" (dict "root" .) }}
{{- end -}}

{{/* The labels of every object, those of the values, and more: (dict "root" $ "more" map). Each key is there once; ours
     count, since selectors go by them. */}}
{{- define "stsguard.labelsAnd" -}}
{{- $root := .root -}}
{{- $own := dict
  "app.kubernetes.io/name" (include "stsguard.name" $root)
  "app.kubernetes.io/instance" $root.Release.Name
  "app.kubernetes.io/version" $root.Chart.AppVersion
  "app.kubernetes.io/managed-by" $root.Release.Service
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version) -}}
{{ mergeOverwrite (dict) ($root.Values.commonLabels | default dict) (.more | default dict) $own | toYaml }}
{{- end -}}

{{- define "stsguard.serviceAccount" -}}
{{- if and (eq (toString .Values.serviceAccount.create) "false") (not .Values.serviceAccount.name) -}}
{{- fail "serviceAccount.create is false, so serviceAccount.name is needed: the account that has the rights of templates/rbac.yaml" -}}
{{- end -}}
{{- .Values.serviceAccount.name | default (include "stsguard.fullname" .) -}}
{{- end -}}

{{/* What every webhook entry has in common; call it with (dict "root" $ "path" "/validate"). */}}
{{- define "stsguard.entry" -}}
{{- $root := .root -}}
admissionReviewVersions: [v1]
sideEffects: None
matchPolicy: Equivalent
timeoutSeconds: {{ $root.Values.webhook.timeoutSeconds }}
clientConfig:
  service:
    name: {{ include "stsguard.fullname" $root }}
    namespace: {{ $root.Release.Namespace }}
    path: {{ .path }}
    port: {{ $root.Values.service.port }}
  {{- /* Only where the CA is yours: an empty field would be Helm's, and each upgrade would take the CA away. */}}
  {{- if eq $root.Values.certificates.source "provided" }}
  caBundle: {{ required "certificates.source is provided, so certificates.caBundle is needed: --set-file certificates.caBundle=certs/ca.crt (`stsguard certs` makes it)" $root.Values.certificates.caBundle | b64enc }}
  {{- end }}
namespaceSelector:
  matchExpressions:
    # Never the control plane's namespaces, never our own: what is needed to repair us must not wait for us.
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values:
        {{- range concat (list "kube-system" "kube-node-lease" $root.Release.Namespace) $root.Values.webhook.excludedNamespaces | uniq }}
        - {{ . }}
        {{- end }}
    {{- with $root.Values.webhook.namespaceExpressions }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* What the configurations' metadata say besides name and labels. */}}
{{- define "stsguard.configurationAnnotations" -}}
annotations:
  {{- /* stsguard publishes its CA only where this says so: pods on their way out must not write over another's. */}}
  stsguard.dev/certificates: {{ .Values.certificates.source }}
  {{- if eq .Values.certificates.source "cert-manager" }}
  cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/{{ include "stsguard.fullname" . }}
  {{- end }}
  {{- if .Values.webhook.aksEnforcerDisabled }}
  admissions.enforcer/disabled: "true"
  {{- end }}
{{- end -}}

{{/* Conditions from the values, after an entry's own. */}}
{{- define "stsguard.furtherConditions" -}}
{{- if .Values.openshift }}
- name: not-openshift
  expression: "!request.namespace.startsWith('openshift-')"
{{- end }}
{{- with .Values.webhook.matchConditions }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Updates that change neither spec nor annotations, and objects on their way out, never leave the API server. */}}
{{- define "stsguard.conditions" -}}
- name: not-terminating
  expression: "!has(object.metadata.deletionTimestamp)"
- name: changed
  expression: >-
    request.operation != 'UPDATE' || object.spec != oldObject.spec ||
    (has(object.metadata.annotations) ? object.metadata.annotations : {}) !=
    (has(oldObject.metadata.annotations) ? oldObject.metadata.annotations : {})
{{- end -}}

{{- define "stsguard.matchConditions" -}}
matchConditions:
  {{- include "stsguard.conditions" . | nindent 2 }}
  {{- include "stsguard.furtherConditions" . | nindent 2 }}
{{- end -}}

{{- define "stsguard.image" -}}
{{- with .Values.image }}
{{- $registry := ternary (printf "%s/" (trimSuffix "/" (.registry | default ""))) "" (not (empty .registry)) }}
{{- /* A digest says it all; some runtimes refuse a tag beside it. */}}
{{- $version := ternary (printf "@%s" .digest) (printf ":%s" (.tag | default $.Chart.AppVersion)) (not (empty .digest)) }}
image: "{{ $registry }}{{ .repository }}{{ $version }}"
{{- end }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end -}}

{{/* What the restricted pod-security level asks for. No user: the image has a numeric one, OpenShift assigns its own. */}}
{{- define "stsguard.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  {{- if not .Values.openshift }}
  seccompProfile: {type: RuntimeDefault}
  {{- end }}
{{- end -}}

{{- define "stsguard.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
{{- end -}}
