// Reads objects as a JSON list from standard input; prints what is wrong with each that it knows, one a line.
import { ExternalSecret } from "@kubernetes-models/external-secrets/external-secrets.io/v1/ExternalSecret";
import { ScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject";
import { PrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule";
import { ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";
import { readFileSync } from "node:fs";

const KINDS = { ExternalSecret, ScaledObject, PrometheusRule, ServiceMonitor };

for (const { apiVersion, kind, ...rest } of JSON.parse(readFileSync(0, "utf8"))) {
  const Kind = KINDS[kind];
  try {
    if (!Kind) throw new Error(`no schema of ${apiVersion} ${kind} is at hand`);
    new Kind(rest).validate();
  } catch (error) {
    console.log(`${kind} ${rest.metadata.name}: ${error.message}`);
  }
}
