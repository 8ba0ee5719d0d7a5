// CHP with the edge's gate in front of both of its handlers, and its headers cleaned on both ways.

import { answer, answerSocket } from "./answers.mjs";
import { framingRefusal, upgradeFramingRefusal } from "./framing.mjs";
import { judgeRequest, judgeUpgrade } from "./gate.mjs";
import { cleanRequest, cleanResponse, cleanUpgrade } from "./headers.mjs";
import { log } from "./log.mjs";
import { isNavigation } from "./origins.mjs";
import { buildWaitingPage, PAGE_HEADERS } from "./pages.mjs";
import { findServiceTask } from "./service_connections.mjs";

const TASK = Symbol("task of a request");
const UPSTREAM = Symbol("request towards the container");
const UPGRADED = Symbol("whether the container has upgraded");
const RETRY_AFTER = 3;
const RETRIABLE = ["GET", "HEAD"];
const NO_ANSWER = "The task is not answering.\n";

/**
 * The subclass of CHP's ConfigurableProxy that serves tasks. CHP's own routes and API stay unused.
 * @param {any} ConfigurableProxy
 */
export function defineEdgeProxy(ConfigurableProxy) {
  return class EdgeProxy extends ConfigurableProxy {
    /** `edge`: {tasks, scheme, tls, hubCookieNames, anonymous}. */
    constructor(options, edge) {
      super(options);
      this.edge = edge;
      this.proxy.on("proxyReq", (proxyReq, req, res) => this.#watchUpstream(proxyReq, req, res));
      this.proxy.on("proxyRes", (proxyRes, req, res) => this.#relayAnswer(proxyRes, req, res));
      this.proxy.on("proxyReqWs", (proxyReq, req, socket) => this.#relayUpgrade(proxyReq, req, socket));
      // Without a listener http-proxy throws what happens to a browser's socket.
      this.proxy.on("error", (error) => log.debug(error.message));
    }

    #clean(proxyRes, req) {
      cleanResponse(proxyRes, req[TASK], this.#schemeOf(req) === "https", this.edge.hubCookieNames);
    }

    #schemeOf(req) {
      return findServiceTask(req.socket) === null ? this.edge.scheme : "http";
    }

    handleProxyWeb(req, res) {
      const refusal = framingRefusal(req);
      if (refusal) return answer(req, res, refusal.status, refusal.text, { ...refusal.headers, Connection: "close" });
      const now = Date.now();
      const task = this.edge.tasks.find(req);
      const verdict = judgeRequest(req, task, now);
      if (verdict.session === undefined) {
        return answer(req, res, verdict.status, verdict.text, verdict.headers);
      }
      this.edge.anonymous.identify(req.socket);
      task.traffic.use(req.socket, verdict.session, now);
      if (task.proxyOptions === null) return this.#answerUnavailable(req, res, task);
      req[TASK] = task;
      cleanRequest(req, task, verdict.own, this.#schemeOf(req));
      this.#forward(req, res, task.optionsFor(req, verdict.session), RETRIABLE.includes(req.method));
    }

    #forward(req, res, options, mayRetry) {
      const task = req[TASK];
      const onError = (error) => {
        if (res.headersSent || res.destroyed) return res.destroy();
        // The container closed an idle connection in the moment it was taken from the pool.
        const wasStale = req[UPSTREAM]?.reusedSocket && error.code === "ECONNRESET";
        if (wasStale && mayRetry) return this.#forward(req, res, options, false);
        this.#answerUnavailable(req, res, task);
      };
      try {
        this.proxy.web(req, res, options, onError);
      } catch (error) {
        log.warn(`${task.id}: request can't be passed on: ${error.code ?? error.message}`);
        answer(req, res, 400, "The request can't be passed on.\n");
      }
    }

    #watchUpstream(proxyReq, req, res) {
      req[UPSTREAM] = proxyReq;
      // Nobody asked for an upgrade; Node would end the request without an error.
      proxyReq.once("upgrade", (_proxyRes, socket) => {
        socket.destroy();
        this.#answerUnavailable(req, res, req[TASK]);
      });
    }

    #answerUnavailable(req, res, task) {
      const headers = { "Retry-After": String(RETRY_AFTER) };
      if (!isNavigation(req)) return answer(req, res, 503, NO_ANSWER, headers);
      answer(req, res, 503, buildWaitingPage(task, RETRY_AFTER), { ...PAGE_HEADERS, ...headers });
    }

    #relayAnswer(proxyRes, req, res) {
      this.#clean(proxyRes, req);
      // http-proxy copies both; Node frames the answer itself.
      delete proxyRes.headers["transfer-encoding"];
      proxyRes.headers.connection = res.shouldKeepAlive ? "keep-alive" : "close";
      if (proxyRes.statusCode < 200) {
        proxyRes.destroy();
        this.#answerUnavailable(req, res, req[TASK]);
      }
      // Else a browser would wait for ever for the rest of a broken answer.
      proxyRes.once("close", () => proxyRes.complete || res.destroy());
    }

    handleProxyWs(req, socket, head) {
      // Node leaves an upgraded socket without a listener; an unheard error would end the process.
      socket.on("error", () => socket.destroy());
      const refusal = framingRefusal(req) ?? upgradeFramingRefusal(req);
      if (refusal) return answerSocket(socket, refusal.status, refusal.text);
      const now = Date.now();
      const task = this.edge.tasks.find(req);
      const verdict = judgeUpgrade(req, task, now);
      if (verdict.session === undefined) return answerSocket(socket, verdict.status, verdict.text);
      this.edge.anonymous.identify(socket);
      if (task.proxyOptions === null) return answerSocket(socket, 503, NO_ANSWER);
      req[TASK] = task;
      cleanUpgrade(req, task, verdict.own, this.#schemeOf(req));
      task.traffic.use(socket, verdict.session, now);
      const onError = () => {
        if (req[UPGRADED]) socket.destroy();
        else answerSocket(socket, 503, NO_ANSWER);
      };
      try {
        this.proxy.ws(req, socket, head, task.proxyOptions, onError);
      } catch (error) {
        log.warn(`${task.id}: upgrade can't be passed on: ${error.code ?? error.message}`);
        answerSocket(socket, 400, "The request can't be passed on.\n");
      }
    }

    // http-proxy has no listeners of its own yet: these run before them.
    #relayUpgrade(proxyReq, req, socket) {
      socket.once("close", () => proxyReq.destroy());
      proxyReq.on("upgrade", (proxyRes, proxySocket) => {
        req[UPGRADED] = true;
        this.#clean(proxyRes, req);
        proxyRes.headers.connection = "Upgrade";
        proxyRes.headers.upgrade = "websocket";
        // CHP 4 leaves the container's side open when the browser's is cut.
        socket.once("close", () => proxySocket.destroy());
        proxySocket.once("close", () => socket.destroySoon());
      });
      proxyReq.on("response", (proxyRes) => {
        this.#clean(proxyRes, req);
        delete proxyRes.headers["transfer-encoding"];
        proxyRes.headers.connection = "close";
        proxyRes.once("close", () => socket.destroySoon());
      });
    }
  };
}
