// A page that is opened while a cell runs shows the rest of its outputs, too: of requests that an earlier page has sent,
// front ends show nothing by themselves. The server lists them (`/api/kernels/{id}/requests`), and goes on from there
// (`channels?since=`).
//
// This is a prebuilt extension of JupyterLab and Notebook 7 as it stands, without a build: the container that webpack
// would make has `init` and `get`, no more.
(() => {
  const NAME = 'running-cells';
  const RECONNECT_MS = 2000;

  const outputOf = ({ header, content }) => ({ output_type: header.msg_type, ...content });

  // One page's notebook and the requests of its kernel that others have sent.
  class Follower {
    constructor(panel, kernel) {
      this.panel = panel;
      this.kernel = kernel;
      this.session = crypto.randomUUID?.() ?? String(Math.random());
      this.cells = new Map(); // by the request's id, while it runs
      this.displays = new Map(); // by display id: the outputs that show it
      this.clearing = new Set(); // cells that the next output clears
    }

    async start() {
      const { requests, position } = await this.requests();
      const newest = new Map(requests.map(request => [request.cell_id, request]));
      for (const request of newest.values()) {
        const cell = this.cellOf(request);
        if (cell && request.state !== 'done') {
          cell.model.executionState = 'running';
          this.cells.set(request.msg_id, cell);
        }
        if (cell && (request.state !== 'done' || this.continues(cell, request))) {
          this.fill(cell, request);
        }
      }
      if (this.cells.size) {
        this.connect(`&since=${position}`);
      }
    }

    cellOf({ cell_id }) {
      const cell = this.panel.content.widgets.find(({ model }) => model.id === cell_id && model.type === 'code');
      // One that this page runs itself is in good hands.
      return cell && !cell.outputArea.future ? cell : undefined;
    }

    // Whether the cell has the beginning of what was said: it ended while the page was opened.
    continues(cell, { outputs }) {
      const held = cell.model.outputs.toJSON();
      const last = held.length - 1;
      const text = output => [output?.text ?? ''].flat().join('');
      return last >= 0 && last < outputs.length && held[last].output_type === outputs[last].output_type
        && text(outputs[last]).startsWith(text(held[last]));
    }

    fill(cell, { outputs, complete, execution_count }) {
      if (complete) {
        cell.model.outputs.fromJSON(outputs);
        cell.model.executionCount = execution_count;
      }
    }

    async requests() {
      const { baseUrl, token } = this.kernel.serverSettings;
      const headers = token ? { Authorization: `token ${token}` } : {};
      const answer = await fetch(`${baseUrl}api/kernels/${this.kernel.id}/requests`, { headers });
      // Another server than Adrastea, or one that has no such kernel any more.
      return answer.ok ? answer.json() : { requests: [], position: 0 };
    }

    connect(since) {
      const { wsUrl, token, appendToken } = this.kernel.serverSettings;
      const credentials = appendToken && token ? `&token=${encodeURIComponent(token)}` : '';
      const url = `${wsUrl}api/kernels/${this.kernel.id}/channels?session_id=${this.session}${since}${credentials}`;
      const socket = new WebSocket(url);
      // Messages one after the other, as they came. What has buffers comes as bytes, and is no output.
      socket.onmessage = ({ data }) => typeof data === 'string' && this.hear(JSON.parse(data), socket);
      socket.onclose = ({ code }) => {
        if (this.cells.size && !this.panel.isDisposed && code !== 1000) {
          setTimeout(() => this.connect(''), RECONNECT_MS);
        }
      };
      this.panel.disposed.connect(() => socket.close());
    }

    hear(message, socket) {
      const request = message.parent_header?.msg_id;
      const cell = this.cells.get(request);
      if (message.channel !== 'iopub' || !cell || cell.isDisposed) {
        return;
      }
      switch (message.header.msg_type) {
        case 'clear_output':
          message.content.wait ? this.clearing.add(cell) : cell.model.outputs.clear();
          break;
        case 'stream': case 'display_data': case 'execute_result': case 'error':
          this.show(cell, message);
          break;
        case 'update_display_data':
          this.update(message);
          break;
        case 'status':
          if (message.content.execution_state === 'idle') {
            this.end(request, cell, socket);
          }
      }
    }

    show(cell, message) {
      if (this.clearing.delete(cell)) {
        cell.model.outputs.clear();
      }
      const place = { cell, index: cell.model.outputs.add(outputOf(message)) - 1 };
      const id = message.content.transient?.display_id;
      if (id) {
        this.displays.set(id, [...(this.displays.get(id) ?? []), place]);
      }
    }

    update(message) {
      for (const { cell, index } of this.displays.get(message.content.transient?.display_id) ?? []) {
        if (index < cell.model.outputs.length) {
          cell.model.outputs.set(index, { ...outputOf(message), output_type: 'display_data' });
        }
      }
    }

    async end(msg_id, cell, socket) {
      this.cells.delete(msg_id);
      if (!this.cells.size) {
        socket.close(1000);
      }
      cell.model.executionState = 'idle';
      const request = (await this.requests()).requests.find(request => request.msg_id === msg_id);
      // What displays show in the end, too.
      if (request && !cell.isDisposed && !cell.outputArea.future) {
        this.fill(cell, request);
      }
    }
  }

  async function follow(panel) {
    await Promise.all([panel.context.ready, panel.sessionContext.ready]);
    const kernel = panel.sessionContext.session?.kernel;
    if (kernel && !panel.isDisposed) {
      await new Follower(panel, kernel).start();
    }
  }

  let shared;
  const plugin = ({ INotebookTracker }) => ({
    id: `${NAME}:plugin`,
    autoStart: true,
    requires: [INotebookTracker],
    activate: (_, tracker) => {
      const begin = panel => follow(panel).catch(error => console.warn(`${NAME}: ${error}`));
      tracker.forEach(begin);
      tracker.widgetAdded.connect((_, panel) => begin(panel));
    },
  });
  (window._JUPYTERLAB ??= {})[NAME] = {
    init: scope => { shared = scope; },
    get: async () => {
      const [{ get }] = Object.values(shared['@jupyterlab/notebook']);
      const notebook = (await get())();
      return () => ({ __esModule: true, default: plugin(notebook) });
    },
  };
})();
