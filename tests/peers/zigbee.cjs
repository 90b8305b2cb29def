// What zigbee-herdsman-converters makes of Zigbee frames, and of an order: one JSON line in, one out.
const {createInterface} = require("node:readline");
const {createRequire} = require("node:module");

const peer = createRequire(process.argv[2] + "/");
const load = (name) => {
    const found = peer(`zigbee-herdsman-converters/converters/${name}`);
    return found.default ?? found;
};
const from = load("fromZigbee");
const to = load("toZigbee");

const device = {ieeeAddr: "0x00158d0001dc126a", meta: {}, endpoints: [], getEndpoint: () => endpoint, modelID: "x"};
const endpoint = {ID: 1, getDevice: () => device, deviceIeeeAddress: device.ieeeAddr, clusters: {}, binds: []};
const model = {model: "x", vendor: "x", description: "x", exposes: [], meta: {}, fromZigbee: [], toZigbee: []};
const quiet = {debug() {}, info() {}, warning() {}, error() {}};

function heard({converter, type, cluster, data, options}) {
    const message = {type, cluster, data, endpoint, device, linkquality: 90, groupID: 0, meta: {zclTransactionSequenceNumber: 7}};
    return from[converter].convert(model, message, () => {}, options ?? {}, {state: {}, device, deviceExposesChanged() {}, logger: quiet});
}

async function ordered({converter, key, value}) {
    const sent = [];
    const entity = {
        ...endpoint,
        command: async (...args) => void sent.push(args.slice(0, 3)),
        read: async () => ({}),
        write: async (...args) => void sent.push(args.slice(0, 2)),
        supportsInputCluster: () => true,
        getClusterAttributeValue: () => undefined,
        saveClusterAttributeKeyValue() {},
    };
    const meta = {message: {[key]: value}, mapped: model, device, state: {}, options: {}, publish() {}, logger: quiet};
    await to[converter].convertSet(entity, key, value, meta);
    return sent;
}

createInterface({input: process.stdin})
    .on("line", async (line) => {
        const request = JSON.parse(line);
        try {
            const made = request.key === undefined ? heard(request) : await ordered(request);
            console.log(JSON.stringify({made: made ?? {}}));
        } catch (error) {
            console.log(JSON.stringify({error: String(error.stack)}));
        }
    });
