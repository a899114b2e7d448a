global using Xunit;
global using Twin.Model;
