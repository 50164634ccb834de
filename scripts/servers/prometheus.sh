# Prometheus and its SNMP exporter, with the shipped module and rules: sourced after common.sh.
#   server_needs                         what has to be installed, or nothing
#   server_up FOLDER BUILD ADDRESS AGENT starts all below FOLDER at ADDRESS, of the agent's HOST:PORT
#   server_says                          where to look, and as whom
#   server_down
# shellcheck shell=sh disable=SC2154 # variables of common.sh

server_needs() {
    for tool in prometheus prometheus-snmp-exporter promtool curl; do
        command -v $tool >/dev/null || { echo "$tool is not installed (apt-get install prometheus prometheus-snmp-exporter curl)"; return; }
    done
}

server_up() {
    server_folder=$1/prometheus
    server_at=$3
    mkdir -p "$server_folder"
    cp "$2/integrations/prometheus/snmp.yml" "$server_folder/"
    # Nobody waits minutes for an alert here.
    sed 's/^\( *\)for: .*/\1for: 0s/' "$2/integrations/prometheus/kmsmon.rules.yml" >"$server_folder/kmsmon.rules.yml"
    cat >"$server_folder/prometheus.yml" <<END
global: {scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 2s}
rule_files: [kmsmon.rules.yml]
scrape_configs:
  - job_name: kmsmon
    metrics_path: /snmp
    params: {module: [kmsmon]}
    static_configs: [{targets: ['$4']}]
    relabel_configs:
      - {source_labels: [__address__], target_label: __param_target}
      - {source_labels: [__param_target], target_label: instance}
      - {target_label: __address__, replacement: '$server_at:19116'}
END
    promtool check config "$server_folder/prometheus.yml" || return 1
    server_start "$server_folder/exporter.log" prometheus-snmp-exporter --config.file="$server_folder/snmp.yml" \
        --web.listen-address="$server_at:19116"
    server_start "$server_folder/prometheus.log" prometheus --config.file="$server_folder/prometheus.yml" \
        --storage.tsdb.path="$server_folder/data" --web.listen-address="$server_at:19090"
    server_wait "the exporter" curl -sf "http://$server_at:19116/metrics" &&
        server_wait "Prometheus" curl -sf "http://$server_at:19090/-/ready" &&
        server_wait "the first values" prometheus_has kmsmonAgentHostCount
}

# The value of a query that has one result; nothing when it has none.
prometheus_value() { # QUERY
    curl -sfG --data-urlencode "query=$1" "http://$server_at:19090/api/v1/query" |
        sed -n 's/.*"result":\[{.*"value":\[[^,]*,"\([^"]*\)"\]}\].*/\1/p'
}
prometheus_has() { # QUERY
    [ -n "$(prometheus_value "$1")" ]
}
prometheus_is() { # QUERY VALUE
    [ "$(prometheus_value "$1")" = "$2" ]
}

server_says() {
    echo "Prometheus: http://$server_at:19090/alerts and http://$server_at:19090/graph?g0.expr=kmsmonClassVerdict&g0.tab=1"
    echo "  no login; the module's values: http://$server_at:19116/snmp?module=kmsmon&target=127.0.0.1"
}

server_down() {
    server_end_all
}
