{{/* What the schema cannot judge, since the values depend on each other. A chart that is refused changes nothing. */}}
{{- define "stsguard.checks" -}}
{{- $replicas := int .Values.replicas }}
{{- if and (eq .Values.webhook.failurePolicy "Fail") (lt $replicas 2) }}
{{- fail (printf "webhook.failurePolicy is Fail and replicas is %d: whenever that pod moves, every StatefulSet would be refused; set replicas to 2 or more, or webhook.failurePolicy to Ignore" $replicas) }}
{{- end }}
{{- /* Requests in flight get 15 s after the rest (--drain-finish); who has set another time has done the sum. */}}
{{- if not (contains "drain-finish" (printf "%s%s" (toJson .Values.extraArgs) (toJson .Values.extraEnv) | lower | replace "_" "-")) }}
{{- $shutdown := .Values.shutdown }}
{{- $sum := addf $shutdown.propagationSeconds $shutdown.idleSeconds 15 }}
{{- if gt $sum (float64 $shutdown.terminationGracePeriodSeconds) }}
{{- fail (printf "shutdown.terminationGracePeriodSeconds is %v, but a stopping pod may take %v s: shutdown.propagationSeconds %v + shutdown.idleSeconds %v + 15 for requests in flight; raise the first, or lower the others" $shutdown.terminationGracePeriodSeconds $sum $shutdown.propagationSeconds $shutdown.idleSeconds) }}
{{- end }}
{{- end }}
{{- $least := .Values.podDisruptionBudget.minAvailable }}
{{- if and .Values.podDisruptionBudget.enabled (gt $replicas 1) (not (kindIs "string" $least)) (ge (int $least) $replicas) }}
{{- fail (printf "podDisruptionBudget.minAvailable is %d of replicas %d: no node with one of the pods could be drained; lower it, or raise replicas" (int $least) $replicas) }}
{{- end }}
{{- end -}}
