// What is asked of a scheduler beyond cores, memory and time: partition, GPUs, account, QoS.

import { tightest } from "./bounded_field.js";
import { ChoiceField } from "./choice_field.js";
import { element, h, setText } from "./dom.js";
import { clock } from "./format.js";
import { GpuOptions } from "./gpu_options.js";

const DEFAULT = { value: "", label: "Default" };
// Any node will do: of no partition.
const ANY = { name: "", state: "up", nodes_total: 0 };
const ANY_POOL = { value: "", label: "Any node" };

export class ClusterOptions {
  /** `changed()` is called when other limits may apply. */
  constructor(changed) {
    this.changed = changed;
    this.partition = new ChoiceField(element("option-partition"), () => this.partitionChosen());
    this.account = new ChoiceField(element("option-account"), () => this.accountChosen());
    this.qos = new ChoiceField(element("option-qos"), changed);
    this.gpus = new GpuOptions();
    this.inventory = null;
  }

  /** Pods are asked for a pool of nodes, where there are some, in the place of a partition. */
  adapt(isPods) {
    this.isPods = isPods;
    setText(element("partition-label"), isPods ? "Pool of nodes" : "Partition");
  }

  clear() {
    for (const field of [this.partition, this.account, this.qos]) field.clear();
    for (const id of ["option-constraint", "option-reservation"]) element(id).value = "";
    this.gpus.clear();
    this.unknown();
  }

  /** Nothing is known of the cluster: all are fields to write in. */
  unknown() {
    this.inventory = null;
    for (const field of [this.partition, this.account, this.qos]) field.ask();
    this.gpus.unknown();
    this.partition.shown.setCustomValidity("");
    setText(element("partition-hint"), "");
    element("features").replaceChildren();
    element("accounting").hidden = false;
    element("partition-field").hidden = this.isPods;
  }

  /** Pools of Kubernetes, unlike partitions, need not be chosen. */
  show(inventory) {
    this.inventory = inventory;
    element("partition-field").hidden = false;
    element("accounting").hidden = inventory.accounts.length === 0 && inventory.qos.length === 0;
    const open = inventory.partitions.filter(isUp);
    const preferred = open.find((partition) => partition.default) || (this.isPods ? ANY : open[0]);
    const entries = inventory.partitions.map(partitionEntry);
    this.partition.offer(this.isPods ? [ANY_POOL, ...entries] : entries, preferred?.name);
    this.partitionChosen();
  }

  get chosen() {
    return this.inventory && (this.inventory.partitions.find(({ name }) => name === this.partition.value) ?? ANY);
  }

  partitionChosen() {
    if (!this.inventory) return;
    const { chosen: partition } = this;
    this.partition.shown.setCustomValidity(isUp(partition) ? "" : `Nothing starts in ${partition.name} now: it is ${partition.state}.`);
    setText(element("partition-hint"), nodesText(partition, this.inventory.collected));
    element("features").replaceChildren(...(partition.features || []).map((value) => h("option", { value })));
    if (partition.nodes_total) this.gpus.offer(partition.gpus, `in ${partition.name}`);
    else this.gpus.unknown();
    const accounts = this.inventory.accounts.filter(({ name }) => !partition.accounts || partition.accounts.includes(name));
    const standard = accounts.find((account) => account.default);
    this.account.offer([...(standard ? [] : [DEFAULT]), ...accounts.map(({ name }) => ({ value: name, label: name }))], standard?.name);
    this.accountChosen();
  }

  /** The QoS of the account that the partition takes, too. */
  accountChosen() {
    if (!this.inventory) return;
    const { chosen: partition, inventory } = this;
    const account = inventory.accounts.find(({ name }) => name === this.account.value);
    const names = account?.qos.length ? account.qos : inventory.qos.map(({ name }) => name);
    const usable = names.filter((name) => !partition.qos || partition.qos.includes(name));
    this.qos.offer([DEFAULT, ...usable.map((name) => ({ value: name, label: name }))]);
    this.changed();
  }

  /** The limit of cpus, memory or time: of the partition, and of the QoS where one is chosen. */
  limit(what) {
    const { chosen: partition, inventory } = this;
    if (!partition) return { most: null };
    const qos = inventory.qos.find(({ name }) => name === this.qos.value);
    return tightest(
      { most: partition[`max_${what}`], where: `in ${partition.name}` },
      { most: qos?.[`max_${what}`], where: `with ${qos?.name}` },
    );
  }
}

function isUp({ state }) {
  return state === "up";
}

function partitionEntry(partition) {
  const { name, state, cpus_idle: idle, cpus_total: total } = partition;
  const idleText = total ? `${idle} of ${total} cores idle` : "";
  const label = isUp(partition) ? idleText : state;
  return { value: name, label: [name, label].filter(Boolean).join(" · "), disabled: !isUp(partition) };
}

function nodesText({ nodes_idle: idle, nodes_total: total }, collected) {
  if (!total) return "";
  const nodes = total === 1 ? "node" : "nodes";
  return `${idle} of ${total} ${nodes} idle${collected ? `, as of ${clock(collected)}` : ""}`;
}
