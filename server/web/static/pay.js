// The driver's page: a keyboard for plates, and a page that waits for its payment. Plain old script: old phones run it.
(function () {
  "use strict";

  function keyboard(keys) {
    var plate = document.getElementById("plate");
    var provinces = document.getElementById("provinces");
    var letters = document.getElementById("letters");
    var most = 8;

    function show() {
      var begun = plate.value.length > 0;
      provinces.hidden = begun;
      letters.hidden = !begun;
    }

    function press(event) {
      var sign = event.target.getAttribute && event.target.getAttribute("data-sign");
      if (sign && plate.value.length + sign.length <= most) {
        plate.value += sign;
        show();
      }
    }

    keys.hidden = false;
    plate.setAttribute("inputmode", "none"); // the phone's own keyboard stays down
    keys.addEventListener("click", press);
    document.getElementById("delete").addEventListener("click", function () {
      plate.value = plate.value.slice(0, -1);
      show();
    });
    plate.addEventListener("input", show);
    show();
  }

  function wait(box) {
    var tries = 0;

    function look() {
      var request = new XMLHttpRequest();
      request.open("GET", box.getAttribute("data-state"));
      request.onload = function () {
        var said = {};
        try {
          said = JSON.parse(request.responseText);
        } catch (error) {
          said = {};
        }
        if (request.status === 200 && said.state && said.state !== "pending") {
          window.location.reload();
          return;
        }
        again();
      };
      request.onerror = again;
      request.send();
    }

    function again() {
      tries += 1;
      if (tries < 300) {
        window.setTimeout(look, tries < 60 ? 2000 : 5000);
      }
    }

    window.setTimeout(look, 1000);
  }

  // Inside WeChat its own bridge pays; it may come after the page.
  function call(box) {
    var said = JSON.parse(box.getAttribute("data-call"));

    function invoke() {
      window.WeixinJSBridge.invoke("getBrandWCPayRequest", said, function () {});
    }

    function pay() {
      if (window.WeixinJSBridge) {
        invoke();
      } else {
        document.addEventListener("WeixinJSBridgeReady", invoke, false);
      }
    }

    document.getElementById("call").addEventListener("click", pay);
    pay();
  }

  var keys = document.getElementById("keys");
  var box = document.getElementById("waits");
  if (keys) {
    keyboard(keys);
  }
  if (box) {
    wait(box);
    if (box.getAttribute("data-call")) {
      call(box);
    }
  }
})();
