// Moves the query of the figure that attention_mixer.py drew: two sliders, one choice, no library.
const UNIT = 20;
const dot = (a, b) => a.reduce((sum, x, c) => sum + x * b[c], 0);

const told = (number, places = 2) => number.toFixed(places).replace("-", "−");

function softmax(scores) {
  const top = Math.max(...scores);
  const powers = scores.map((s) => Math.exp(s - top));
  const total = powers.reduce((a, b) => a + b);
  return powers.map((p) => p / total);
}

const reluWeights = (scores) => scores.map((s) => Math.max(s, 0) / scores.length);

function mix(q, K, V, weigh) {
  const scores = K.map((k) => dot(q, k) / Math.sqrt(q.length));
  const alpha = weigh(scores);
  const b = V[0].map((_, c) => dot(alpha, V.map((v) => v[c])));
  return { scores, alpha, b };
}

const CONTROLS = `<div class="controls">
  <label>q, across <input type="range" name="x" min="-3" max="3" step="0.1"><output></output></label>
  <label>q, up <input type="range" name="y" min="-3" max="3" step="0.1"><output></output></label>
  <label>weights by <select name="weigh">
    <option value="softmax">softmax</option><option value="relu">ReLU / L</option>
  </select></label>
</div>`;

class AttentionMixer extends HTMLElement {
  connectedCallback() {
    this.first = JSON.parse(this.dataset.first);
    this.insertAdjacentHTML("afterbegin", CONTROLS);
    this.reset();
    this.addEventListener("input", () => this.draw());
    window.addEventListener("beforeprint", () => this.reset());
  }

  reset() {
    const [x, y] = this.first.q;
    this.control("x").value = x;
    this.control("y").value = y;
    this.control("weigh").value = "softmax";
    this.draw();
  }

  control(name) {
    return this.querySelector(`[name=${name}]`);
  }

  draw() {
    const q = ["x", "y"].map((name) => Number(this.control(name).value));
    const weigh = this.control("weigh").value === "relu" ? reluWeights : softmax;
    this.state = { q, ...mix(q, this.first.K, this.first.V, weigh) };
    this.querySelectorAll("output").forEach((out, c) => { out.value = told(q[c], 1); });
    this.fillTable();
    this.move("query", q, 0.5, [1, -5]);
    this.move("mixture", this.state.b, 1, [0, 12]);
    this.say();
  }

  fillTable() {
    const { scores, alpha } = this.state;
    this.querySelectorAll("tbody tr").forEach((row, j) => {
      row.querySelector(".score").textContent = told(scores[j]);
      row.querySelector(".alpha").textContent = told(alpha[j]);
      row.querySelector(".bar span").style.width = `${Math.min(100, 100 * alpha[j])}%`;
    });
  }

  move(name, point, part, [right, down]) {
    const [x, y] = [UNIT * point[0], -UNIT * point[1]];
    const set = (tag, attributes) => Object.entries(attributes).forEach(
      ([key, value]) => this.querySelector(`${tag}.${name}`)?.setAttribute(key, value));
    set("circle", { cx: x, cy: y });
    set("line", { x2: x, y2: y });
    set("text", { x: part * x + right, y: part * y + down });
  }

  say() {
    const { alpha, b } = this.state;
    const best = alpha.indexOf(Math.max(...alpha));
    const at = b.map((c) => told(c)).join(", ");
    this.querySelector("[role=status]").textContent = alpha[best] > 0
      ? `b = (${at}). The largest weight, ${told(alpha[best])}, is on “${this.first.words[best]}”.`
      : `b = (${at}). No score is positive, so no word gets any weight.`;
  }
}

customElements.define("attention-mixer", AttentionMixer);
